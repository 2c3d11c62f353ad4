import { readConfig } from "../config/config.ts";
import { configPath } from "../config/configPath.ts";
import type { Config } from "../config/configSchema.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { readState } from "../store/state/state.ts";
import { readTrustedSet } from "../tuf/trustedSet.ts";
import { type Hold, liftHolds, listHolds } from "../update/settings/holds.ts";
import { settingsInForce } from "../update/settings/settings.ts";
import { paint, print, printJson } from "./terminal/output.ts";
import { warnOfRefusals } from "./terminal/refusals.ts";

export interface HoldOptions {
  config?: string;
  json?: boolean;
}

/** `nearsource hold`: the components kept from their newest release, and why. */
export async function holdCommand(options: HoldOptions): Promise<number> {
  const config = await readConfig(configPath(options.config, process.env), process.env, { onlyShown: true });
  await warnOfRefusals(config);
  const holds = listHolds(await readState(dataDirAt(config.dataDir)), await policyOf(config));
  if (options.json === true) printJson({ holds });
  else if (holds.length === 0) print("Nothing is held.");
  else for (const hold of holds) print(describeHold(hold));
  return 0;
}

/** `nearsource hold lift`: the next update may install the releases held here. */
export async function liftCommand(component: string | undefined, options: HoldOptions): Promise<number> {
  const config = await readConfig(configPath(options.config, process.env), process.env);
  const lifted = await liftHolds(config.dataDir, await policyOf(config), component);
  if (options.json === true) printJson({ lifted });
  else if (lifted.length === 0) print("Nothing was held here.");
  for (const hold of options.json === true ? [] : lifted)
    print(`${paint("green", "lifted")}: ${hold.component}`);
  if (options.json !== true && lifted.length > 0) print("the next update installs the newest release");
  return 0;
}

async function policyOf(config: Config) {
  const dirs = dataDirAt(config.dataDir);
  const { policy } = await settingsInForce(config, await readTrustedSet(dirs, "settings"), "");
  return policy;
}

const WHY = { failure: "held after a failure", rollback: "held after a rollback", policy: "held by policy" };

/** A hold in a line, for people. */
export function describeHold({ component, release, reason }: Hold): string {
  const until =
    reason === "policy" ? `at release ${release}` : `up to release ${release}, until a newer one appears`;
  return `${paint("yellow", WHY[reason])}: ${component} ${until}`;
}
