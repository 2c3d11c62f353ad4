import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Json, newSigner, type Signer, seal } from "../../support/otherPublisher.ts";

/** A TUF repository in memory of which every part can be changed before it is published. */
export interface Repository {
  /** The signed part of each role, as the next publication will have it. */
  roles: Record<"root" | "timestamp" | "snapshot" | "targets", Json> & Record<string, Json>;
  /** The signers of each role. */
  signers: Record<string, Signer[]>;
  /** The files served, by path below the server's root, in the encoding of URLs. */
  files: Map<string, Buffer>;
  /** The paths that were asked for, in order. */
  asked: string[];
  /** Whether length and hash of metadata are signed in what lists it. */
  measured: boolean;
  metadataUrl: string;
  targetsUrl: string;
  close: () => Promise<void>;
}

const TOP = ["root", "timestamp", "snapshot", "targets"];

/** Days from now, as metadata writes it. */
export function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().replace(/\.\d+/, "");
}

/** A role's metadata with nothing in it. */
export function newRole(type: string, more: Json = {}): Json {
  return { _type: type, spec_version: "1.0.31", version: 0, expires: inDays(30), ...more };
}

/** Makes a repository with the four roles that every one has, publishes it and serves it. */
export async function openRepository(): Promise<Repository> {
  const signers = Object.fromEntries(TOP.map((role): [string, Signer[]] => [role, [newSigner("ecdsa")]]));
  const repository: Repository = {
    roles: {
      root: newRole("root", { consistent_snapshot: true, keys: {}, roles: {} }),
      timestamp: newRole("timestamp", { meta: {} }),
      snapshot: newRole("snapshot", { meta: {} }),
      targets: newRole("targets", { targets: {} }),
    },
    signers,
    files: new Map(),
    asked: [],
    measured: false,
    metadataUrl: "",
    targetsUrl: "",
    close: async () => {},
  };
  for (const role of TOP) authorize(repository, role, signers[role] ?? []);
  publish(repository, "targets", "snapshot", "timestamp", "root");
  await serve(repository);
  return repository;
}

async function serve(repository: Repository): Promise<void> {
  const server = createServer(({ url = "" }, response) => {
    const asked = url.slice(1);
    repository.asked.push(asked);
    const bytes = repository.files.get(asked);
    response.writeHead(bytes === undefined ? 404 : 200, { "content-length": bytes?.length ?? 0 }).end(bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  repository.metadataUrl = `${url}/metadata/`;
  repository.targetsUrl = `${url}/targets/`;
  repository.close = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
}

/** Says in the root that these keys, so many of them, sign a role of the top level. */
export function authorize({ roles }: Repository, role: string, keys: Signer[], threshold = 1): void {
  const { root } = roles;
  for (const { id, key } of keys) root.keys[id] = key;
  root.roles[role] = { keyids: keys.map(({ id }) => id), threshold };
}

/** Gives a role of the top level new keys in the place of those that it had. */
export function rotateKeys(repository: Repository, role: string): void {
  repository.signers[role] = [newSigner("ecdsa")];
  authorize(repository, role, repository.signers[role]);
}

/** Delegates `paths` from one role to another, which is made when there is none of that name. */
export function delegate(
  { roles, signers }: Repository,
  from: string,
  name: string,
  more: Json = { paths: ["*"] },
): void {
  const signer = signers[name]?.[0] ?? newSigner("ecdsa");
  signers[name] = [signer];
  roles[name] ??= newRole("targets", { targets: {} });
  const parent = roles[from] ?? {};
  parent.delegations ??= { keys: {}, roles: [] };
  parent.delegations.keys[signer.id] = signer.key;
  parent.delegations.roles.push({ name, keyids: [signer.id], threshold: 1, terminating: false, ...more });
}

/** Signs for a target in a role, and serves it. */
export function addTarget(
  { roles, files }: Repository,
  role: string,
  name: string,
  content: string,
  algorithms = ["sha256"],
): void {
  const bytes = Buffer.from(content);
  const hashes = Object.fromEntries(algorithms.map((algorithm) => [algorithm, hashOf(algorithm, bytes)]));
  const { targets } = roles[role] ?? {};
  targets[name] = { length: bytes.length, hashes };
  for (const hash of Object.values(hashes)) files.set(targetPath(name, hash), bytes);
  files.set(`targets/${name}`, bytes);
}

/** Path of a target in a repository with consistent snapshots. */
export function targetPath(name: string, hash: string): string {
  const cut = name.lastIndexOf("/") + 1;
  return `targets/${name.slice(0, cut)}${hash}.${name.slice(cut)}`;
}

/** Raises, signs and serves these roles, each named in what lists it; list what lists others last. */
export function publish(repository: Repository, ...names: string[]): void {
  const { roles, signers, files, measured } = repository;
  for (const name of names) {
    const signed = roles[name] ?? {};
    signed.version += 1;
    const bytes = seal(signed, signers[name] ?? []);
    const { version } = signed;
    files.set(metadataPath(name, version), bytes);
    files.set(metadataPath(name), bytes);
    const hashes = { sha256: hashOf("sha256", bytes) };
    const listed = measured ? { version, length: bytes.length, hashes } : { version };
    if (name === "snapshot") roles.timestamp.meta["snapshot.json"] = listed;
    else if (name !== "root" && name !== "timestamp") roles.snapshot.meta[`${name}.json`] = listed;
  }
}

/** Path of a role: with its version or, as the timestamp is, without. */
export function metadataPath(role: string, version?: number): string {
  return `metadata/${version === undefined ? "" : `${version}.`}${encodeURIComponent(role)}.json`;
}

/** The requests since the last call, as `role` or `version.role`, and targets by their path. */
export function takeAsked({ asked }: Repository): string[] {
  return asked.splice(0).map((path) => path.replace(/^metadata\/(.*)\.json$/, "$1"));
}

function hashOf(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}
