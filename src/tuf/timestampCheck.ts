import { promises as fs } from "node:fs";
import path from "node:path";
import type { Metadata, Root } from "@tufjs/models";
import type { Repository } from "../core/content/layout.ts";
import type { DataDir } from "../store/dataDir.ts";
import { listFolder, readIfThere } from "../store/durable.ts";
import type { Known } from "./notification.ts";
import { describeRole } from "./trustedSet.ts";

/** The trusted state that a new timestamp of a repository is judged by, as it is on disk. */
export interface Trust extends Known {
  /** The newest root that is trusted. */
  root: object;
  /** The same, once it has been needed. */
  parsed?: Metadata<Root>;
  /** The state of the folder when it was read; `readTrust` reads again when that has changed. */
  stamp: string;
}

/**
 * The trusted state that new timestamps of `repository` are judged by: the newest root that a run came to
 * trust, else the one shipped with the agent, and the version of the timestamp held. Reads only.
 *
 * @param before the last result, which is returned if nothing has changed since
 * @returns undefined when there is no root that can be read
 */
export async function readTrust(
  dirs: DataDir,
  repository: Repository,
  shippedRoot: string,
  before?: Trust,
): Promise<Trust | undefined> {
  const home = path.join(dirs.metadata, repository);
  const [newest] = (await listFolder(home))
    .filter((name) => /^[1-9]\d*$/.test(name))
    .sort((a, b) => Number(b) - Number(a));
  const stamp = `${newest} ${shippedRoot}`;
  if (before?.stamp === stamp) return before;
  const folder = path.join(home, newest ?? "none");
  const [last = "root.json"] = (await listFolder(folder))
    .filter((name) => /^\d+\.root\.json$/.test(name))
    .sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
  const held = await readIfThere(path.join(folder, last));
  const root = readJson(held) ?? readJson(await fs.readFile(shippedRoot).catch(() => undefined));
  const role = root?.signed?.roles?.timestamp;
  if (root === undefined || !Array.isArray(role?.keyids) || typeof role?.threshold !== "number")
    return undefined;
  const timestamp = describeRole(await readIfThere(path.join(folder, "timestamp.json")));
  return { root, stamp, version: timestamp?.version ?? 0, keyIds: role.keyids, threshold: role.threshold };
}

interface RootLike {
  signed?: {
    _type?: string;
    roles?: { timestamp?: { keyids?: string[]; threshold?: number } };
  };
}

function readJson(bytes: Buffer | undefined): RootLike | undefined {
  try {
    const value: unknown = JSON.parse(bytes?.toString() ?? "");
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a timestamp is signed by the keys that the trusted root names for it (TUF spec §5.4.2), and
 * neither of them has expired.
 */
export async function isSigned(timestamp: object, trust: Trust, now: Date): Promise<boolean> {
  const { Metadata, MetadataKind } = await import("@tufjs/models");
  try {
    trust.parsed ??= Metadata.fromJSON(MetadataKind.Root, trust.root as never);
    const trusted = trust.parsed;
    const signed = Metadata.fromJSON(MetadataKind.Timestamp, timestamp as never);
    trusted.verifyDelegate(MetadataKind.Timestamp, signed);
    return !trusted.signed.isExpired(now) && !signed.signed.isExpired(now);
  } catch {
    return false;
  }
}

/**
 * A description of a shipped root, once it is found to be a TUF root that its own keys have signed.
 *
 * @throws Error naming the file, with the reason as its cause
 */
export async function describeRoot(file: string): Promise<string> {
  const { Metadata, MetadataKind } = await import("@tufjs/models");
  const text = await fs.readFile(file, "utf8").catch((cause) => {
    throw new Error(`cannot read ${file}`, { cause });
  });
  const said = `${file} is not a TUF root signed by its own keys`;
  const written = readJson(Buffer.from(text));
  if (written === undefined) throw new Error(`${said}: it is not JSON`);
  if (written.signed?._type !== "root") throw new Error(`${said}: it is no TUF metadata of the type root`);
  try {
    const root = Metadata.fromJSON(MetadataKind.Root, written as never);
    root.verifyDelegate(MetadataKind.Root, root);
    return `${file}: version ${root.signed.version}, expires ${root.signed.expires.slice(0, 10)}`;
  } catch (error) {
    // The library's messages on missing fields or other types describe its own code, not the document.
    const isTold = error instanceof Error && /signed by/.test(error.message);
    throw new Error(
      isTold ? said : `${said}: fields of it are missing or damaged`,
      isTold ? { cause: error } : {},
    );
  }
}
