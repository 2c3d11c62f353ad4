import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";

/**
 * A TUF publisher that shares no code with ours and has none of its habits unless an option says so: for
 * repositories as others would make them, and for those that nobody should make.
 */

/** A JSON object that tests reach into as they please. */
// biome-ignore lint/suspicious/noExplicitAny: the point is to write what no type would allow
export type Json = Record<string, any>;

/** A key with its id. */
export interface Signer {
  id: string;
  key: Json;
  sign: (data: Buffer) => string;
}

export type KeyType = "ed25519" | "ecdsa" | "rsa";

/** A new key. */
export function newSigner(type: KeyType = "ed25519"): Signer {
  return signerOf(newKey(type));
}

/** The key in a PEM file, such as our publisher keeps. */
export async function readSigner(file: string): Promise<Signer> {
  return signerOf(createPrivateKey(await fs.readFile(file)));
}

function newKey(type: KeyType): KeyObject {
  if (type === "rsa") return generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
  if (type === "ecdsa") return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  return generateKeyPairSync("ed25519").privateKey;
}

function signerOf(key: KeyObject): Signer {
  const pem = createPublicKey(key).export({ format: "pem", type: "spki" }).toString();
  const hex = () => Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url").toString("hex");
  const padding = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const [keytype, scheme, value, make] = {
    ed25519: ["ed25519", "ed25519", hex, (data: Buffer) => sign(null, data, key)] as const,
    ec: ["ecdsa", "ecdsa-sha2-nistp256", () => pem, (data: Buffer) => sign("sha256", data, key)] as const,
    rsa: ["rsa", "rsassa-pss-sha256", () => pem, (data: Buffer) => sign("sha256", data, padding)] as const,
  }[key.asymmetricKeyType as "ed25519" | "ec" | "rsa"];
  const json = { keytype, scheme, keyval: { public: value() } };
  const id = createHash("sha256").update(canonical(json)).digest("hex");
  return { id, key: json, sign: (data) => make(data).toString("hex") };
}

/** OLPC canonical JSON, which TUF signs: keys in order, no blanks, only quote and backslash escaped. */
export function canonical(value: unknown): string {
  if (typeof value === "string") return `"${value.replace(/["\\]/g, "\\$&")}"`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return String(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, each]) => `${canonical(name)}:${canonical(each)}`).join(",")}}`;
}

/** A metadata file: `signed` with a signature of each of `signers`. */
export function seal(signed: Json, signers: Signer[]): Buffer {
  const data = Buffer.from(canonical(signed));
  const signatures = signers.map((signer) => ({ keyid: signer.id, sig: signer.sign(data) }));
  return Buffer.from(JSON.stringify({ signatures, signed }));
}

/** The signers of each role. */
export type Signers = Record<string, Signer[]>;

/** A publication as signed parts, before anybody has signed them. */
export interface Draft {
  root: Json;
  timestamp: Json;
  snapshot: Json;
  /** `targets` and the delegated roles, by name. */
  roles: Record<string, Json>;
  /** Target files by path. */
  files: Record<string, Buffer>;
  objects: Buffer[];
}

const FAR = "2036-01-01T00:00:00Z";

/** A new key for every role of a content repository. */
export function newSigners(type?: KeyType): Signers {
  const roles = ["root", "timestamp", "snapshot", "targets", "components", "programs"];
  return Object.fromEntries(roles.map((role) => [role, [newSigner(type)]]));
}

/** An empty content repository, of the given version, and with no field that is not a must. */
export function newDraft(signers: Signers, version = 1): Draft {
  const common = (type: string) => ({ _type: type, spec_version: "1.0.0", version, expires: FAR });
  const roleOf = (role: string, threshold = 1) => ({ keyids: signers[role]?.map(({ id }) => id), threshold });
  const keysOf = (roles: string[]) => {
    return Object.fromEntries(roles.flatMap((role) => signers[role] ?? []).map(({ id, key }) => [id, key]));
  };
  const top = ["root", "timestamp", "snapshot", "targets"];
  const delegated = ["components", "programs"];
  const roles = delegated.map((name) => ({
    name,
    ...roleOf(name),
    terminating: false,
    paths: [`${name}/*`],
  }));
  return {
    root: {
      ...common("root"),
      consistent_snapshot: true,
      keys: keysOf(top),
      roles: Object.fromEntries(top.map((role) => [role, roleOf(role)])),
    },
    timestamp: { ...common("timestamp"), meta: {} },
    snapshot: { ...common("snapshot"), meta: {} },
    roles: {
      targets: { ...common("targets"), targets: {}, delegations: { keys: keysOf(delegated), roles } },
      components: { ...common("targets"), targets: {} },
      programs: { ...common("targets"), targets: {} },
    },
    files: {},
    objects: [],
  };
}

/** The publication in force in a web root, by any publisher. */
export async function readDraft(www: string, root = "1.root.json"): Promise<Draft> {
  const read = async (name: string): Promise<Json> => {
    return JSON.parse(await fs.readFile(path.join(www, "content/metadata", name), "utf8")).signed;
  };
  const timestamp = await read("timestamp.json");
  const snapshot = await read(`${timestamp.meta["snapshot.json"].version}.snapshot.json`);
  const roles: Draft["roles"] = {};
  for (const [name, { version }] of Object.entries<Json>(snapshot.meta))
    roles[name.slice(0, -".json".length)] = await read(`${version}.${name}`);
  return { root: await read(root), timestamp, snapshot, roles, files: {}, objects: [] };
}

/** Adds a component of these files under `role`, which signs for its manifest. */
export function addComponent(
  draft: Draft,
  name: string,
  release: { release: number; version: string; files: Record<string, Buffer> },
  role = "components",
): Json {
  const { files, ...rest } = release;
  const described = Object.entries(files).map(([file, bytes]) => ({
    path: file,
    length: bytes.length,
    sha256: hashOf("sha256", bytes),
  }));
  const manifest = { kind: "components", name, releases: [{ ...rest, files: described }] };
  draft.objects.push(...Object.values(files));
  addTarget(draft, role, `components/${name}.json`, manifest);
  return manifest;
}

/** Adds a target, or puts another in its place; `hashes` are those it is signed with. */
export function addTarget(
  draft: Draft,
  role: string,
  target: string,
  content: Json | Buffer,
  hashes: string[] = ["sha256"],
): void {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  draft.files[target] = bytes;
  const described = Object.fromEntries(hashes.map((name) => [name, hashOf(name, bytes)]));
  const { targets } = draft.roles[role] ?? {};
  targets[target] = { length: bytes.length, hashes: described };
}

/** Raises the version of these roles, so that a client looks at them. */
export function bump(draft: Draft, ...roles: string[]): void {
  for (const role of roles) signedOf(draft, role).version += 1;
}

/** The signed part of a role. */
export function signedOf(draft: Draft, role: string): Json {
  const top: Json = { root: draft.root, timestamp: draft.timestamp, snapshot: draft.snapshot };
  return top[role] ?? draft.roles[role] ?? {};
}

export interface WriteOptions {
  /** Whether snapshot and timestamp have length and hash of the files they list; they do by default. */
  measured?: boolean;
  /** Changes to signed parts after everything below them is in place, by role. */
  last?: Record<string, (signed: Json) => void>;
}

/** Signs a draft and puts it into `www`, over existing files. */
export async function writeDraft(
  www: string,
  draft: Draft,
  signers: Signers,
  { measured = true, last = {} }: WriteOptions = {},
): Promise<void> {
  const write = async (name: string, bytes: Buffer) => {
    const file = path.join(www, "content", name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, bytes);
  };
  const writeRole = async (role: string, signed: Json) => {
    last[role]?.(signed);
    const bytes = seal(signed, signers[role] ?? []);
    const prefix = role === "timestamp" ? "" : `${signed.version}.`;
    await write(`metadata/${prefix}${encodeURIComponent(role)}.json`, bytes);
    const { version } = signed;
    return measured
      ? { version, length: bytes.length, hashes: { sha256: hashOf("sha256", bytes) } }
      : { version };
  };
  for (const [target, bytes] of Object.entries(draft.files)) {
    // No file can have such a name; the client's handling of the signed one is the question.
    if (target.includes("\0") || target.length > 150) continue;
    for (const algorithm of ["sha256", "sha512", "md5"]) {
      const { dir, base } = path.posix.parse(target);
      await write(`targets/${dir}/${hashOf(algorithm, bytes)}.${base}`, bytes);
    }
  }
  for (const bytes of draft.objects) {
    const hash = hashOf("sha256", bytes);
    await write(`objects/${hash.slice(0, 2)}/${hash}`, bytes);
  }
  await writeRole("root", draft.root);
  for (const [role, signed] of Object.entries(draft.roles))
    draft.snapshot.meta[`${role}.json`] = await writeRole(role, signed);
  draft.timestamp.meta["snapshot.json"] = await writeRole("snapshot", draft.snapshot);
  await writeRole("timestamp", draft.timestamp);
}

function hashOf(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}
