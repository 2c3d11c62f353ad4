import path from "node:path";
import { explainError, NearsourceError } from "../../errors.ts";
import { readPrivateKey } from "../../publisher/keys.ts";
import { readChoices } from "../../publisher/repository/choices.ts";
import { locate } from "../../publisher/repository/location.ts";
import { loadPublication } from "../../publisher/repository/publication.ts";
import { listFolder, makePath, readIfThere, remove, writeDurably } from "../../store/durable.ts";
import { sha256 } from "../../store/sha256.ts";
import { guardStorage } from "../../store/storageErrors.ts";
import type { Context } from "../context.ts";
import { asOnlyServer } from "../store/oneServer.ts";
import { publishedFiles, publishedPaths, replacePublished } from "../store/settings/publishedStore.ts";
import type { Db, Tx } from "../store/transaction.ts";
import { say } from "../store/wakeUps.ts";
import { copyTree, TIMESTAMP, treeOfDatabase, treeOfFolder } from "./treeCopy.ts";

/** Interval (ms) at which the published timestamps are looked at: another program may publish in the same folder. */
const LOOK = 2_000;

type Means = Pick<Context, "config" | "database" | "trees">;

/** The place in which a publication is signed before anybody sees it. */
export interface SigningPlace {
  dir: string;
  keysDir: string;
  wait: true;
  isCopy: true;
}

/**
 * Signs the next publication of the settings. The database has the publication in force, and the folders of all
 * servers are copies of it. One server at a time signs, in a folder that nobody reads; then the files, and what
 * else belongs to them, are kept in one transaction; then they are served. A server that is killed or outlived
 * before its transaction is over has published nothing.
 *
 * @param sign publishes in a place, reading the database that it is given
 * @param keep writes what belongs to the publication
 * @throws NearsourceError of the publish and storage phases, and the errors of both
 */
export async function publishSettings<Result>(
  context: Means,
  sign: (place: SigningPlace, db: Db) => Promise<Result>,
  keep: (tx: Tx, result: Result) => Promise<void>,
): Promise<Result> {
  const { db } = context.database;
  const place = signingPlace(context);
  const unfinished = path.join(place.dir, "unfinished");
  const result = await asOnlyServer(
    db,
    "signer",
    async (own) =>
      await guardStorage(`cannot sign in ${place.dir}`, async () => {
        const adopted = await prepareCopy(
          context,
          place.dir,
          own,
          (await readIfThere(unfinished)) !== undefined,
        );
        if ((await readIfThere(unfinished)) === undefined) await writeDurably(unfinished, "");
        const result = await sign(place, own);
        return { result, changes: await changesOf(place.dir, own, adopted) };
      }),
    async (tx, { result, changes: { files, forgotten } }) => {
      await replacePublished(tx, files, forgotten);
      await keep(tx, result);
      if (files.length > 0) await say(tx, "changed", ["publication"]);
      return result;
    },
  );
  await remove(unfinished);
  return result;
}

function signingPlace({ config }: Pick<Context, "config">): SigningPlace {
  const [dir, keysDir] = [path.join(config.dir, "signing"), path.join(config.dir, "keys")];
  return { dir, keysDir, wait: true, isCopy: true };
}

/**
 * Makes the signing folder a copy of the publication in force: the database's, unless another program has
 * published a newer one in the web root (`nearsource repo`, as for a new root), which is verified and taken over.
 *
 * @returns whether it was taken over
 */
async function prepareCopy(context: Means, dir: string, db: Db, afresh: boolean): Promise<boolean> {
  await makePath(dir, 0o700);
  const { www } = context.trees;
  const [kept] = await publishedFiles(db, [TIMESTAMP]);
  const [shown] = await treeOfFolder(www).read([TIMESTAMP]);
  if (shown !== undefined && versionOf(shown.content) > versionOf(kept?.content)) {
    await verify(context, www);
    await copyTree(treeOfFolder(www), dir, { afresh: true });
    return true;
  }
  const [held] = await treeOfFolder(dir).read([TIMESTAMP]);
  if (!isSame(held?.content, kept?.content) || afresh) await copyTree(treeOfDatabase(db), dir, { afresh });
  return false;
}

/** Files of the signing folder that the database has not, and paths that it has and the folder no longer. */
async function changesOf(dir: string, db: Db, all: boolean) {
  const [folder, known] = [treeOfFolder(dir), new Set(await publishedPaths(db))];
  const paths = await folder.paths();
  const [before] = await publishedFiles(db, [TIMESTAMP]);
  const files = await folder.read(paths.filter((each) => all || each === TIMESTAMP || !known.has(each)));
  const isChanged = files.length > 1 || !isSame(files[0]?.content, before?.content);
  const there = new Set(paths);
  return { files: isChanged ? files : [], forgotten: [...known].filter((each) => !there.has(each)) };
}

/**
 * Makes the web root what the database has, or the other way round where another program has published there.
 * To be called now and then, and whenever another server has published.
 */
export async function followSettings(context: Means): Promise<void> {
  const { database, trees } = context;
  const { db } = database;
  const look = async () => {
    const [[kept], [shown]] = [
      await publishedFiles(db, [TIMESTAMP]),
      await treeOfFolder(trees.www).read([TIMESTAMP]),
    ];
    return { kept: kept?.content, shown: shown?.content };
  };
  const { kept, shown } = await look();
  if (versionOf(shown) > versionOf(kept)) {
    await publishSettings(
      context,
      async () => {},
      async () => {},
    );
  } else if (!isSame(kept, shown)) {
    await asOnlyServer(
      db,
      `shown in ${trees.www}`,
      async (own) => {
        const afresh = versionOf((await look()).shown) >= versionOf(kept);
        await guardStorage(`cannot publish in ${trees.www}`, () =>
          copyTree(treeOfDatabase(own), trees.www, { afresh }),
        );
      },
      async () => {},
    );
  }
  await trees.look();
}

/**
 * Follows for the first time, and makes sure that the keys of this folder are those of what the database has.
 *
 * @throws NearsourceError REPOSITORY_INVALID, FILE_UNSAFE for a key that others can read, KEY_INVALID, CONFIG_INVALID where
 *   the folder is another server's
 */
export async function openSettings(context: Means): Promise<void> {
  const { config, database, trees } = context;
  const location = locate({ dir: trees.www, keysDir: path.join(config.dir, "keys") }, "settings");
  const choices = await readChoices(location);
  const first = "settings/metadata/1.root.json";
  const [root] = await publishedFiles(database.db, [first]);
  if (root !== undefined && sha256(Buffer.from(root.content)) !== choices.root) {
    throw new NearsourceError(
      "CONFIG_INVALID",
      `the keys in ${location.keys} are not those of the database's server`,
      {
        hint: "copy keys/settings and server.json from a folder of a server of this database",
      },
    );
  }
  // A key that others can read is said now, and not when the first save cannot be signed.
  const keys = (await listFolder(location.keys)).filter((name) => name.endsWith(".pem"));
  for (const name of keys) await readPrivateKey(path.join(location.keys, name));
  await followSettings(context);
  await verify(context, trees.www);
}

async function verify({ config }: Means, dir: string): Promise<void> {
  const location = locate({ dir, keysDir: path.join(config.dir, "keys") }, "settings");
  await loadPublication(location, { firstRoot: (await readChoices(location)).root });
}

/** Version of a timestamp; 0 of none, and of what cannot be read. */
function versionOf(content: string | undefined): number {
  try {
    const { version } = (JSON.parse(content ?? "") as { signed: { version: unknown } }).signed;
    return typeof version === "number" ? version : 0;
  } catch {
    return 0;
  }
}

/** Line breaks at the end are the folder's own (`replaceJson`). */
function isSame(one: string | undefined, other: string | undefined): boolean {
  return one?.trimEnd() === other?.trimEnd();
}

/** Follows what other servers publish, now and whenever they say so. @returns ends it */
export function startFollowing(context: Context): () => Promise<void> {
  const { wakeUps, log } = context;
  let failure = "";
  let following: Promise<void> = Promise.resolve();
  const follow = () => {
    following = following
      .then(() => followSettings(context))
      .then(
        () => {
          failure = "";
        },
        (error) => {
          const reason = explainError(error);
          if (reason !== failure) log.error(`the published settings cannot be followed: ${reason}`);
          failure = reason;
        },
      );
  };
  wakeUps.on("changed", (words) => {
    if (words === undefined || words.includes("publication")) follow();
  });
  const looking = setInterval(follow, LOOK);
  return async () => {
    clearInterval(looking);
    await following;
  };
}
