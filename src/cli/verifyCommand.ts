import { readConfig } from "../config/config.ts";
import { configPath } from "../config/configPath.ts";
import type { Config } from "../config/configSchema.ts";
import { openRunLog } from "../config/runLog.ts";
import { formatBytes } from "../core/amounts.ts";
import { NearsourceError } from "../errors.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { readCurrent } from "../store/generations/generations.ts";
import { type Damage, findDamage, noteDamage } from "../update/repair/damage.ts";
import { paint, print, printJson } from "./terminal/output.ts";
import { onSignals, stderrLevel } from "./terminal/running.ts";

export interface VerifyCommandOptions {
  repair?: boolean;
  config?: string;
  json?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

/** `nearsource verify`. Exit 0: whole, or repaired; 8: damaged. */
export async function verifyCommand(options: VerifyCommandOptions): Promise<number> {
  const config = await readConfig(configPath(options.config, process.env), process.env);
  const dirs = dataDirAt(config.dataDir);
  const installed = await readCurrent(dirs);
  if (installed === undefined) {
    throw new NearsourceError("GENERATION_NOT_FOUND", "nothing is installed, so there is nothing to verify", {
      hint: "nearsource update installs",
    });
  }
  const { files, bytes, damage } = await findDamage(dirs, installed);
  // The next run mends the damage that the repair leaves, or all of it if the repair fails.
  await noteDamage(dirs, damage);
  const repaired =
    damage.length > 0 && options.repair === true ? await repairDamage(config, options) : undefined;
  const generation = repaired ?? installed.generation;
  if (options.json === true)
    printJson({ generation, files, bytes, damage, repaired: repaired !== undefined });
  else printResult(damage, files, bytes, repaired);
  return damage.length > 0 && repaired === undefined ? 8 : 0;
}

/** Under the lock: looks again, since a run may have ended meanwhile, and mends what is still damaged. */
async function repairDamage(config: Config, options: VerifyCommandOptions): Promise<number | undefined> {
  const { withRun } = await import("../update/openRun.ts");
  const { fetchSettings } = await import("../update/settings/fetchSettings.ts");
  const { repair } = await import("../update/repair/repair.ts");
  const { collectSpentBuffers } = await import("../http/spentBuffers.ts");
  collectSpentBuffers();
  const log = openRunLog(config.log, stderrLevel(options));
  const interruption = onSignals();
  try {
    return await withRun({ config, log, signal: interruption.signal, mend: true }, async (run) => {
      const installed = run.installed;
      if (installed === undefined) return undefined;
      const { damage } = await findDamage(run.dirs, installed);
      await noteDamage(run.dirs, damage);
      if (damage.length === 0) return installed.generation;
      const { settings } = await fetchSettings(run);
      return await repair(run, settings, installed, damage);
    });
  } finally {
    interruption.end();
    await log.close();
  }
}

function printResult(damage: Damage[], files: number, bytes: number, repaired: number | undefined): void {
  for (const { component, path, reason } of damage) print(`  ${paint("red", reason)}  ${component}/${path}`);
  const checked = `${files === 1 ? "1 file" : `${files} files`}, ${formatBytes(bytes)}`;
  if (damage.length === 0) print(`${paint("green", "whole")}: ${checked}`);
  else if (repaired !== undefined)
    print(`${paint("green", "repaired")}: generation ${repaired} is installed`);
  else {
    print(`${paint("red", "damaged")}: ${damage.length} of ${checked}`);
    print("hint: the next run mends it; nearsource verify --repair does so now");
  }
}
