import { existsSync, promises as fs } from "node:fs";
import type { Config } from "../../config/configSchema.ts";
import type { Kind } from "../../core/content/kind.ts";
import { settingsTargets } from "../../core/content/layout.ts";
import { parseJson } from "../../core/document.ts";
import { describeFinding } from "../../core/findings/findingCodes.ts";
import { reviewFields } from "../../core/order/sourceListReview.ts";
import { reviewPolicy, reviewUpdateAgents } from "../../core/settings/policyReview.ts";
import { reviewReleases } from "../../core/settings/rollout.ts";
import { type DataDir, dataDirAt } from "../../store/dataDir.ts";
import { damagedState, lossOf } from "../../store/state/state.ts";
import { isEmptyRole, type TrustedSet } from "../../tuf/trustedSet.ts";
import type { Settings } from "./settings.ts";
import { asksServerFirst, kindsOf, type Standing, uncoveredOf } from "./situation.ts";

/**
 * Remarks on settings that are valid and have an effect that was hardly intended: kinds that no source
 * delivers, settings that are never fetched. For people; they change nothing about how a run goes.
 *
 * @param asked the kinds of one run, where they are not those of the configuration
 */
export async function remarksOnKinds(
  run: Standing,
  settings: Pick<Settings, "list" | "policy" | "role">,
  asked?: Kind[],
): Promise<string[]> {
  const { config } = run;
  const kinds = kindsOf(config, asked, settings.policy.kinds);
  const { remarks } = uncoveredOf(run, settings, await publishedKinds(dataDirAt(config.dataDir), kinds));
  const isUnused =
    asked === undefined &&
    config.roots.settings !== undefined &&
    !kinds.includes("settings") &&
    !asksServerFirst(config);
  return isUnused ? [...remarks, NEVER_FETCHED] : remarks;
}

/** The kinds without those of which the vendor publishes nothing, as far as that is known here (ADR 4). */
async function publishedKinds(dirs: DataDir, kinds: Kind[]): Promise<Kind[]> {
  const published: Kind[] = [];
  for (const kind of kinds) {
    if (kind === "settings" || !(await isEmptyRole(dirs, "content", kind))) published.push(kind);
  }
  return published;
}

const NEVER_FETCHED =
  'roots.settings is set, and the settings are never fetched: add "settings" to "kinds", or set "server"';

/**
 * Remarks on the loss that a damaged or missing state means, until a run makes a new one and somebody has
 * looked at the old.
 */
export async function remarksOnState(dirs: DataDir): Promise<string[]> {
  const lost = await lossOf(dirs);
  const aside = damagedState(dirs);
  if (lost !== undefined) {
    const kept = lost.isDamaged ? `, and keeps this one as ${aside}` : "";
    return [`${lost.message}; the next update makes a new one${kept}`];
  }
  return existsSync(aside)
    ? [
        `${aside} was this agent's state until it was damaged: what it held back is lost; remove it once you have looked`,
      ]
    : [];
}

/** A remark for a server that is the only one to give the settings: they are as reachable as it is. */
export function remarkOnServer(config: Config, { list }: Pick<Settings, "list">): string[] {
  const isAlone =
    asksServerFirst(config) &&
    list.mode === "customized" &&
    list.entries.length > 0 &&
    !list.entries.some(({ kinds }) => kinds.includes("settings"));
  return isAlone
    ? [
        'no entry of the source list has "settings" in its "kinds": they come from the server alone, and not while it is away',
      ]
    : [];
}

type SettingsTarget = keyof ReturnType<typeof settingsTargets>;

const REVIEWS: Record<SettingsTarget, (value: unknown) => string[]> = {
  sourceList: (value) => reviewFields(value).map(describeFinding),
  policy: reviewPolicy,
  releases: reviewReleases,
  updateAgents: reviewUpdateAgents,
};

/** Fields without effect in the settings documents in force, each with the file or the document it is in. */
export async function remarksOnDocuments(config: Config, trusted: TrustedSet | undefined): Promise<string[]> {
  const targets = settingsTargets(config.domain);
  const remarks: string[] = [];
  for (const name of Object.keys(REVIEWS) as SettingsTarget[]) {
    const local = name === "sourceList" || name === "policy" ? config[name] : undefined;
    const bytes =
      local === undefined
        ? trusted?.documents.get(targets[name])
        : await fs.readFile(local).catch(() => undefined);
    remarks.push(...remarksOnBytes(name, local ?? targets[name], bytes));
  }
  return remarks;
}

/** The same of a document that has just come. One that does not parse is reported elsewhere. */
export function remarksOnBytes(name: SettingsTarget, place: string, bytes: Buffer | undefined): string[] {
  try {
    return bytes === undefined
      ? []
      : REVIEWS[name](parseJson(bytes.toString())).map((each) => `${place}: ${each}`);
  } catch {
    return [];
  }
}
