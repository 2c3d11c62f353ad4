import { promises as fs } from "node:fs";
import path from "node:path";
import { type Key, Metadata, Root } from "@tufjs/models";
import { DELEGATED_ROLES, type Repository } from "../core/content/layout.ts";
import { NearsourceError } from "../errors.ts";
import { readIfThere } from "../store/durable.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import { sha256 } from "../store/sha256.ts";
import { guardStorage } from "../store/storageErrors.ts";
import { readOrMakeKey, roleKeyFile, signWith, tufKey } from "./keys.ts";
import {
  checkLifetimes,
  findChoices,
  type Lifetimes,
  lifetimeOf,
  writeChoices,
  writeHighest,
} from "./repository/choices.ts";
import { closedFolder, type Location, locate, refuseKeysInside } from "./repository/location.ts";
import { exists, makeFolders, placeFile, removeTemporaries } from "./repository/placeFile.ts";
import { versionsOf } from "./repository/publication.ts";
import { publishNext } from "./repository/publish.ts";
import { withLocks } from "./repository/repositoryLock.ts";
import type { PublisherOptions } from "./repository/session.ts";
import {
  delegations,
  emptyTargets,
  encodeMetadata,
  isoSeconds,
  rootContent,
  targetsRoles,
} from "./repository/signedParts.ts";

export interface InitOptions extends PublisherOptions {
  repository: Repository;
  /** Days until the signatures of each role expire; see `DEFAULT_LIFETIMES`. */
  lifetimes?: Partial<Lifetimes> | undefined;
  /** Number of root keys to make; 1 by default. */
  rootKeys?: number | undefined;
  /** Number of them that have to sign a root; 1 by default. */
  rootThreshold?: number | undefined;
}

export interface InitializedRepository {
  repository: Repository;
  folder: string;
  /** Folder of the private keys. */
  keys: string;
  /** The private keys of the root, which belong on a disconnected machine. */
  rootKeyFiles: string[];
  /** The root to ship with agents. */
  rootFile: string;
  /** Remarks for the publisher although all went well. */
  warnings: string[];
}

/** Most keys of a root; agents do not accept a root with more. */
const MAX_ROOT_KEYS = 20;

/**
 * Makes an empty repository with new keys (mode 0600, in a folder of mode 0700 outside the web root)
 * and its first publication. An `init` that was cut short is completed by the next one.
 *
 * @throws NearsourceError REPOSITORY_EXISTS, REPOSITORY_INPUT_INVALID, FILE_UNSAFE, LOCKED, storage errors
 */
export async function initRepository(options: InitOptions): Promise<InitializedRepository> {
  const location = locate(options, options.repository);
  const lifetimes = checkLifetimes(options.lifetimes ?? {});
  const rootKeys = options.rootKeys ?? 1;
  const threshold = options.rootThreshold ?? 1;
  checkRootKeys(rootKeys, threshold);
  await refuseKeysInside(location);
  await refuseExisting(location);
  return guardStorage(`cannot make a repository in ${location.folder}`, async () => {
    await makeFolders(location.keys, 0o700);
    await fs.chmod(location.keys, 0o700);
    refuseUnsafe(location.keys, "the keys folder");
    await makeFolders(location.folder);
    return withLocks(location, options.wait === true, async () => {
      await refuseExisting(location);
      await removeTemporaries(location.keys);
      return create(location, { lifetimes, rootKeys, threshold }, options);
    });
  });
}

async function create(
  location: Location,
  chosen: { lifetimes: Lifetimes; rootKeys: number; threshold: number },
  options: PublisherOptions,
): Promise<InitializedRepository> {
  const now = options.now ?? new Date();
  const onFile = options.onFile ?? (() => undefined);
  const rootKeyFiles = rootKeyNames(chosen.rootKeys).map((name) => roleKeyFile(location, name));
  const { root, delegated } = await signFirstRoot(location, rootKeyFiles, chosen, now);

  const rootFile = path.join(location.metadata, "1.root.json");
  const rootBytes = encodeMetadata("root", root);
  await makeFolders(location.metadata);
  await placeFile(rootFile, rootBytes);
  onFile(rootFile);
  const choices = { lifetimes: chosen.lifetimes, root: sha256(rootBytes) };
  await writeChoices(location, choices);

  const roles = new Map(
    targetsRoles(location.repository).map((role) => [
      role,
      emptyTargets(role === "targets" ? delegated : undefined),
    ]),
  );
  const publisher = { location, choices, highest: {}, publication: undefined, now, onFile };
  const publication = await publishNext(publisher, { root, roles });
  await writeHighest(location, versionsOf(publication));
  const { repository, folder, keys } = location;
  const closed = await closedFolder(folder);
  const warnings =
    closed === undefined
      ? []
      : [`${closed} keeps other accounts out: a web server of another account cannot serve ${folder}`];
  return { repository, folder, keys, rootKeyFiles, rootFile, warnings };
}

async function signFirstRoot(
  location: Location,
  rootKeyFiles: string[],
  chosen: { lifetimes: Lifetimes; threshold: number },
  now: Date,
) {
  const rootKeys = await Promise.all(rootKeyFiles.map(readOrMakeKey));
  const keyFor = async (role: string) => tufKey(await readOrMakeKey(roleKeyFile(location, role)));
  const content = rootContent(
    { keys: rootKeys.map(tufKey), threshold: chosen.threshold },
    {
      targets: await keyFor("targets"),
      snapshot: await keyFor("snapshot"),
      timestamp: await keyFor("timestamp"),
    },
  );
  const delegatedKeys: Record<string, Key> = {};
  for (const role of Object.keys(DELEGATED_ROLES[location.repository])) {
    delegatedKeys[role] = await keyFor(role);
  }
  const expires = isoSeconds(new Date(now.getTime() + lifetimeOf(chosen.lifetimes, "root")));
  const root = new Metadata(Root.fromJSON({ ...content, version: 1, expires }));
  signWith(root, rootKeys);
  return { root, delegated: delegations(location.repository, delegatedKeys) };
}

function rootKeyNames(count: number): string[] {
  return count === 1 ? ["root"] : Array.from({ length: count }, (_, index) => `root-${index + 1}`);
}

function checkRootKeys(count: number, threshold: number): void {
  const usable = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
  if (!usable(count, MAX_ROOT_KEYS)) {
    throw new NearsourceError("REPOSITORY_INPUT_INVALID", `there can be 1 to ${MAX_ROOT_KEYS} root keys`);
  }
  if (!usable(threshold, count)) {
    throw new NearsourceError(
      "REPOSITORY_INPUT_INVALID",
      `a root threshold of ${threshold} cannot be met by ${count} root keys`,
    );
  }
}

/** A timestamp makes a repository; a record of publications says that one belongs here. */
async function refuseExisting(location: Location): Promise<void> {
  if (await exists(path.join(location.metadata, "timestamp.json"))) {
    throw new NearsourceError("REPOSITORY_EXISTS", `there is a repository in ${location.folder} already`, {
      hint: "add to it, or choose another folder",
    });
  }
  const published = (await readIfThere(path.join(location.keys, "published.json"))) !== undefined;
  if (!published || (await findChoices(location)) === undefined) return;
  throw new NearsourceError(
    "REPOSITORY_EXISTS",
    `the keys in ${location.keys} belong to a repository, and ${location.folder} holds none`,
    { hint: "is the web root mounted? else put it back from a backup, or choose another --keys" },
  );
}
