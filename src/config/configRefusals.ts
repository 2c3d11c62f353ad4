import { promises as fs } from "node:fs";
import { NearsourceError } from "../errors.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { refuseForeign } from "../store/openDataDir.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import { refuseUnsafeFiles } from "./believedFiles.ts";
import type { Config } from "./configSchema.ts";

/**
 * The reasons why an update would refuse this configuration or its data directory, though both can be shown:
 * at most one error of each. Files that this account may not look at are unknown, and those that another
 * account runs are judged by that account.
 */
export async function refusalsOf(config: Config, env: NodeJS.ProcessEnv): Promise<NearsourceError[]> {
  const { file, dataDir } = config;
  const looks = [() => refuseOddPlace(dataDir)];
  if (await isOursToRun(file, dataDir)) {
    looks.unshift(async () => {
      refuseUnsafe(file, "the configuration");
      refuseUnsafeFiles(config, env);
    });
    looks.push(async () => refuseUnsafe(dataDir, "the data directory", { code: "STORAGE_UNSAFE" }));
  }
  const found: NearsourceError[] = [];
  for (const look of looks) {
    await look().catch((error: unknown) => {
      if (error instanceof NearsourceError) found.push(error);
    });
  }
  return found.filter(({ phase }, index) => found.findIndex((each) => each.phase === phase) === index);
}

/**
 * Whether root or the account that made the data directory is asking; until there is one, the account that
 * has the file.
 */
async function isOursToRun(file: string, dataDir: string): Promise<boolean> {
  const account = process.geteuid?.();
  const place =
    (await fs.stat(dataDir).catch(() => undefined)) ?? (await fs.stat(file).catch(() => undefined));
  return account === 0 || account === place?.uid;
}

async function refuseOddPlace(dataDir: string): Promise<void> {
  const found = await fs.stat(dataDir).catch(() => undefined);
  if (found?.isDirectory() === false)
    throw new NearsourceError("STORAGE_UNWRITABLE", `${dataDir} is not a folder`);
  if (found !== undefined) await refuseForeign(dataDirAt(dataDir));
}
