import { randomBytes } from "node:crypto";
import path from "node:path";
import { NearsourceError } from "../errors.ts";
import { initRepository } from "../publisher/init.ts";
import {
  listFolder,
  makePath,
  readIfThere,
  remove,
  rename,
  replaceDurably,
  syncFolder,
  temporaryName,
  writeDurably,
} from "../store/durable.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import { guardStorage } from "../store/storageErrors.ts";
import { hashOfSecret, newId, newSecret } from "./access/secrets.ts";
import { parseServerConfig, type ServerConfig, serverConfigFile } from "./serverConfig.ts";
import { type AdoptedDocument, adoptDocuments, adoptRepository } from "./settings/adoptRepository.ts";
import { DEFAULT_DATABASE, openDatabase } from "./store/database.ts";
import { takeTurn } from "./store/dialect.ts";
import { type Tx, transact } from "./store/transaction.ts";
import { withDatabase } from "./store/withDatabase.ts";

export interface InitServerOptions {
  dir: string;
  /** URL of the vendor's content. */
  activeUpdate?: string | undefined;
  /** The vendor's root.json. */
  contentRoot?: string | undefined;
  console?: { host: string; port: number } | undefined;
  agents?: { host: string; port: number } | undefined;
  database?: string | undefined;
  /** Web root of a settings repository that `nearsource repo` made, to be taken over. */
  adopt?: string | undefined;
}

/** A server that was made, and how to go on. */
export interface NewServer {
  /** Works once. */
  setupUrl: string;
  token: string;
  /** The root of the settings repository, where the trust of agents starts. */
  settingsRoot: string;
  /** The private key of that root, which belongs on a disconnected machine; null where it was taken there already. */
  rootKey: string | null;
  config: string;
}

/**
 * Makes a server's folder: the settings repository with its keys, the database, `server.json`, and a link
 * by which the first administrator comes in.
 *
 * @throws NearsourceError SERVER_EXISTS, CONFIG_INVALID, FILE_UNSAFE, of a repository that cannot be taken over, and of the
 *   storage phase
 */
export async function initServer(options: InitServerOptions): Promise<NewServer> {
  const dir = path.resolve(options.dir);
  return await guardStorage(`cannot make a server in ${dir}`, async () => {
    await makePath(dir, 0o700);
    refuseUnsafe(dir, "the server's folder");
    await refuseUsed(dir);
    // A call that is corrected finds the folder as this one did.
    return await make(dir, options).catch(async (error: unknown) => {
      for (const name of await listFolder(dir)) await remove(path.join(dir, name));
      throw error;
    });
  });
}

async function make(dir: string, options: InitServerOptions): Promise<NewServer> {
  const contentRoot =
    options.contentRoot === undefined ? undefined : await readContentRoot(options.contentRoot);
  const [written, file] = [configOf(options), serverConfigFile(dir)];
  const config = parseServerConfig(written, file);
  await reachDatabase(dir, options.database);
  const [www, keysDir] = [path.join(dir, "www"), path.join(dir, "keys")];
  const { made, documents } = await settingsFor(options.adopt, { dir: www, keysDir });
  const rootKey = await setApart(made.rootKeyFiles, path.join(keysDir, "root"));
  if (contentRoot !== undefined) await takeContentRoot(contentRoot, dir, www);
  // A database that is this server's is refused to the next attempt: it comes when all else has gone well.
  const token = await prepareDatabase(dir, options.database, documents);
  // The configuration comes last, and whole: a folder without it is no server yet.
  await replaceDurably(file, written, { staged: temporaryName(dir, ".server.json"), mode: 0o600 });
  return {
    setupUrl: `${consoleUrl(config)}/setup#token=${token}`,
    token,
    settingsRoot: made.rootFile,
    rootKey,
    config: file,
  };
}

/** Refuses a database that cannot be used before anything is made. */
async function reachDatabase(dir: string, url = DEFAULT_DATABASE): Promise<void> {
  const database = await openDatabase(url, (file) => path.resolve(dir, file));
  await database.close();
}

/** A new settings repository, or one that is taken over with its documents. */
async function settingsFor(adopt: string | undefined, place: { dir: string; keysDir: string }) {
  if (adopt === undefined) {
    return { made: await initRepository({ ...place, repository: "settings" }), documents: [] };
  }
  const adopted = await adoptRepository(path.resolve(adopt), place);
  return { made: adopted, documents: adopted.documents };
}

const CONTENT_ROOT = "vendor-root.json";
interface ContentRoot {
  bytes: Buffer;
  version: number;
}

async function readContentRoot(file: string): Promise<ContentRoot> {
  const bytes = await readIfThere(file);
  const version = bytes === undefined ? undefined : versionOfRoot(bytes);
  if (bytes !== undefined && version !== undefined) return { bytes, version };
  const said = bytes === undefined ? `there is no ${file}` : `${file} is not a TUF root`;
  throw new NearsourceError("TRUST_ROOT_INVALID", said, {
    hint: "--content-root takes the root.json that the vendor ships",
  });
}

/** The vendor's root, beside the configuration and where agents fetch it, by its version. */
async function takeContentRoot({ bytes, version }: ContentRoot, dir: string, www: string): Promise<void> {
  await writeDurably(path.join(dir, CONTENT_ROOT), bytes);
  const metadata = path.join(www, "content", "metadata");
  await makePath(metadata);
  await writeDurably(path.join(metadata, `${version}.root.json`), bytes);
}

function versionOfRoot(bytes: Buffer): number | undefined {
  try {
    const { signed } = JSON.parse(bytes.toString()) as { signed?: { _type?: unknown; version?: unknown } };
    return signed?._type === "root" && Number.isSafeInteger(signed.version)
      ? (signed.version as number)
      : undefined;
  } catch {
    return undefined;
  }
}

async function refuseUsed(dir: string): Promise<void> {
  const [first] = (await listFolder(dir)).toSorted();
  if (first === undefined) return;
  const isServer = (await readIfThere(serverConfigFile(dir))) !== undefined;
  throw new NearsourceError("SERVER_EXISTS", `${dir} is not empty: it holds ${first}`, {
    hint: isServer
      ? "name a folder that is empty, or not there yet; this one is a server, and nothing of it was changed"
      : "name a folder that is empty, or not there yet; delete this one where an init was cut short",
  });
}

/** Puts the root's key into a folder of its own, from which it is taken away as a whole. */
async function setApart(files: string[], folder: string): Promise<string | null> {
  const [first] = files;
  if (first === undefined) return null;
  await makePath(folder, 0o700);
  for (const file of files) await rename(file, path.join(folder, path.basename(file)));
  await syncFolder(folder);
  return path.join(folder, path.basename(first));
}

/** Makes the tables, the first domain, and the token of the set-up link. */
async function prepareDatabase(
  dir: string,
  url = DEFAULT_DATABASE,
  documents: AdoptedDocument[] = [],
): Promise<string> {
  return await withDatabase({ database: url, dir }, async (database) => {
    const [token, now] = [newSecret(randomBytes), Date.now()];
    await transact(database.db, async (tx) => {
      await takeTurn(tx, "setup");
      await refuseUsedDatabase(tx);
      await tx.insertInto("domains").values({ name: "default", created_at: now }).execute();
      await adoptDocuments(tx, documents, { now, newId: () => newId(randomBytes) });
      const setup = { token_hash: hashOfSecret(token), created_at: now, used_at: null };
      await tx.insertInto("setup").values(setup).execute();
    });
    return token;
  });
}

async function refuseUsedDatabase(tx: Tx): Promise<void> {
  if ((await tx.selectFrom("setup").select("created_at").executeTakeFirst()) === undefined) return;
  throw new NearsourceError("SERVER_EXISTS", "the database that --database names is a server's already", {
    hint: "name an empty database; where an init was cut short, drop this one and make it again; nothing in it was changed",
  });
}

/** Text of `server.json`. */
function configOf(options: InitServerOptions): string {
  const { activeUpdate, contentRoot, console: people, agents, database } = options;
  const written = {
    ...(people === undefined ? {} : { console: people }),
    ...(agents === undefined ? {} : { agents }),
    database: database ?? DEFAULT_DATABASE,
    ...(activeUpdate === undefined ? {} : { activeUpdate }),
    ...(contentRoot === undefined ? {} : { roots: { content: CONTENT_ROOT } }),
    enrolment: "token",
  };
  return `${JSON.stringify(written, null, 2)}\n`;
}

/** URL of the console. */
export function consoleUrl({ console: { host, port, tls }, publicUrl }: ServerConfig): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/$/, "");
  const shown = host === "" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `${tls === undefined ? "http" : "https"}://${shown}:${port}`;
}
