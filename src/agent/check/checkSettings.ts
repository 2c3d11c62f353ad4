import { describeFault, reviewSettingsFile } from "../../config/settingsFile.ts";
import { describeFinding } from "../../core/findings/findingCodes.ts";
import { formatAddress } from "../../core/order/address.ts";
import { sourceListSchema } from "../../core/order/sourceList.ts";
import { reviewFields, reviewSourceList } from "../../core/order/sourceListReview.ts";
import { policySchema } from "../../core/settings/policy.ts";
import { reviewPolicy } from "../../core/settings/policyReview.ts";
import { explainError } from "../../errors.ts";
import { dataDirAt } from "../../store/dataDir.ts";
import { readState } from "../../store/state/state.ts";
import { codeOf } from "../../store/storageErrors.ts";
import { readTrustedSet, type TrustedSet } from "../../tuf/trustedSet.ts";
import {
  remarkOnServer,
  remarksOnDocuments,
  remarksOnKinds,
  remarksOnState,
} from "../../update/settings/remarks.ts";
import { settingsInForce } from "../../update/settings/settings.ts";
import { kindsOf, standingOf, uncoveredOf } from "../../update/settings/situation.ts";
import { type Check, note, say } from "./finding.ts";

/** The list and the policy: those in local files, and the result of those in force. */
export async function checkSettings(check: Check): Promise<void> {
  const documents = [
    [
      "sourceList",
      sourceListSchema,
      "SOURCE_LIST_INVALID",
      (value: unknown) => reviewFields(value).map(describeFinding),
    ],
    ["policy", policySchema, "POLICY_INVALID", reviewPolicy],
  ] as const;
  let whole = true;
  for (const [key, schema, code, review] of documents) {
    const file = check.config[key];
    if (file === undefined) continue;
    await say(check, key, async () => {
      const { faults, repeated, value } = await reviewSettingsFile(file, schema, code);
      const say = (message: string) => `${file}: ${message}`;
      note(check, key, [...repeated.map(describeFault), ...review(value)].map(say));
      whole &&= faults.length === 0;
      const [last, ...others] = faults.map(describeFault).map(say).reverse();
      if (last === undefined) return `${file} reads`;
      check.found.push(...others.reverse().map((message) => ({ level: "problem" as const, key, message })));
      throw new Error(last);
    });
  }
  if (whole) await checkOrder(check);
}

/** The result of the settings in force, for this machine as it is. */
async function checkOrder(check: Check): Promise<void> {
  const { config } = check;
  const dirs = dataDirAt(config.dataDir);
  let agentId = "";
  let trusted: TrustedSet | undefined;
  const read = await readInDataDir(check, async () => {
    ({ agentId } = await readState(dirs));
    trusted = await readTrustedSet(dirs, "settings");
    note(check, "dataDir", await remarksOnState(dirs));
  });
  if (!read) return;
  const settings = await settingsInForce(config, trusted, agentId);
  const run = standingOf(config);
  note(check, "sourceList", reviewSourceList(settings.list).map(describeFinding));
  note(
    check,
    "settings",
    await remarksOnDocuments({ ...config, sourceList: undefined, policy: undefined }, trusted),
  );
  try {
    const kinds = kindsOf(config, undefined, settings.policy.kinds);
    note(check, "kinds", await remarksOnKinds(run, settings));
    note(check, "kinds", remarkOnServer(config, settings));
    const { kinds: uncovered } = uncoveredOf(run, settings, kinds);
    const covered = kinds.filter((kind) => !uncovered.includes(kind));
    const addresses = run.addresses.map(formatAddress).join(", ") || "no address";
    if (covered.length > 0) await say(check, "kinds", () => `${covered.join(", ")}, for ${addresses}`);
  } catch (error) {
    await say(check, "kinds", () => Promise.reject(error));
  }
}

/** Files that cannot be read there are a fault of the data directory. */
async function readInDataDir({ found }: Check, read: () => Promise<void>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    // A data directory that is no folder is reported once.
    if (codeOf((error as Error).cause) !== "ENOTDIR") {
      found.push({ level: "problem", key: "dataDir", message: explainError(error) });
    }
    return false;
  }
}
