import { readFile } from "node:fs/promises";
import path from "node:path";
import { DOMAIN_NAME } from "../../core/settings/domainName.ts";
import type { DataDir } from "../dataDir.ts";
import { replaceDurably, temporaryName } from "../durable.ts";
import { guardStorage } from "../storageErrors.ts";

/** Path of the file with the domain that the server has an agent in: no secret, so that `explain` can show it to any account. */
export function domainFile(dataDir: string): string {
  return path.join(dataDir, "domain");
}

/** The domain that the server has this agent in; undefined where it has not said, or the file cannot be read. */
export async function readDomain(dataDir: string): Promise<string | undefined> {
  const text = (await readFile(domainFile(dataDir), "utf8").catch(() => "")).trim();
  return DOMAIN_NAME.test(text) ? text : undefined;
}

/** @throws NearsourceError of the storage phase */
export async function writeDomain(dirs: DataDir, domain: string): Promise<void> {
  const place = domainFile(dirs.root);
  await guardStorage(`cannot write ${place}`, async () => {
    await replaceDurably(place, `${domain}\n`, { staged: temporaryName(dirs.tmp, "domain") });
  });
}
