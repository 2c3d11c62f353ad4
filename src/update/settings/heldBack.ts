import type { Config } from "../../config/configSchema.ts";
import { target } from "../../core/content/chooseRelease.ts";
import { CONTENT_KINDS } from "../../core/content/kind.ts";
import type { Manifest } from "../../core/content/manifest.ts";
import type { HeldComponent } from "../../core/report.ts";
import type { Policy } from "../../core/settings/policy.ts";
import { readManifests } from "../../source/manifests.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { readCurrent } from "../../store/generations/generations.ts";
import { readState } from "../../store/state/state.ts";
import { readTrustedSet, type TrustedSet } from "../../tuf/trustedSet.ts";
import { releasesInForce } from "./settings.ts";

/** Releases that a run at this moment would hold back, by what is held here; nobody is asked. */
export async function heldBackNow(
  config: Pick<Config, "domain">,
  dirs: DataDir,
  policy: Pick<Policy, "holds">,
  clock: Date,
): Promise<HeldComponent[]> {
  const { components } = releasesInForce(await readTrustedSet(dirs, "settings"));
  const content = await readTrustedSet(dirs, "content");
  if (content === undefined || Object.keys(components).length === 0) return [];
  const state = await readState(dirs);
  const installed = (await readCurrent(dirs))?.components ?? [];
  const agent = { id: state.agentId, domain: config.domain };
  const now = Math.max(clock.getTime(), Date.parse(state.clockFloor ?? "1970-01-01"));
  const manifests = manifestsOf(content);
  return manifests.flatMap((manifest) => {
    const component = `${manifest.kind}/${manifest.name}`;
    const rollout = Object.hasOwn(components, component) ? components[component] : undefined;
    const own = installed.find(({ kind, name }) => kind === manifest.kind && name === manifest.name);
    const { heldBack } = target(manifest, own, {
      policy: policy.holds[component],
      staging: rollout && { rollout, agent, now },
    });
    return heldBack === undefined ? [] : [{ component, ...heldBack }];
  });
}

/** Manifests that no longer read after a damage say nothing; a run reports and mends them. */
function manifestsOf({ documents }: TrustedSet): Manifest[] {
  try {
    return [...readManifests(documents, [...CONTENT_KINDS]).values()].flat();
  } catch {
    return [];
  }
}
