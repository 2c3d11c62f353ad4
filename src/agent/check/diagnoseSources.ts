import { isIP } from "node:net";
import pMap from "p-map";
import type { Config } from "../../config/configSchema.ts";
import { formatDuration } from "../../core/amounts.ts";
import { kindsIn, REPOSITORIES } from "../../core/content/layout.ts";
import { formatAddress } from "../../core/order/address.ts";
import { FAILURE_REMEDIES } from "../../core/order/failureRemedies.ts";
import type { Step, UpdateOrder } from "../../core/order/plan.ts";
import { createResolver } from "../../dns/resolver.ts";
import { explainError, toNearsourceError } from "../../errors.ts";
import type { Fetcher } from "../../http/fetcher.ts";
import { hostOf } from "../../http/httpErrors.ts";
import { refreshRepository } from "../../source/refreshRepository.ts";
import { sourceOf } from "../../source/source.ts";
import { dataDirAt } from "../../store/dataDir.ts";
import { readState } from "../../store/state/state.ts";
import { readTrusted, type TrustedSets } from "../../tuf/roots.ts";
import { describeRole, type TrustedSet } from "../../tuf/trustedSet.ts";
import { settingsInForce } from "../../update/settings/settings.ts";
import { kindsOf, orderOf, standingOf } from "../../update/settings/situation.ts";
import type { Finding } from "./finding.ts";

/** Sources that are asked at once: a dead one takes its time-out. */
const AT_ONCE = 8;

/** The sources that a run would try, and what trust starts from. */
export interface Route {
  order: UpdateOrder;
  trusted: TrustedSets;
}

/** The order of a run that would begin now, by the settings that are held. Nothing is written. */
export async function routeOf(config: Config): Promise<Route> {
  const dirs = dataDirAt(config.dataDir);
  const trusted = await readTrusted(dirs, config.roots);
  const { agentId } = await readState(dirs);
  const settings = await settingsInForce(config, trusted.settings, agentId);
  const kinds = kindsOf(config, undefined, settings.policy.kinds);
  return { order: orderOf(standingOf(config), settings, kinds), trusted };
}

/** Each host name of the order, as this machine resolves it. */
export async function findNames(
  { dns }: Pick<Config, "dns">,
  { steps }: UpdateOrder,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const hosts = [...new Set(steps.map(({ url }) => hostOf(new URL(url)).host))];
  const names = hosts.filter((host) => isIP(host) === 0);
  const resolver = createResolver(dns);
  return await pMap(names, async (name) => await findName(resolver, name, signal), { concurrency: AT_ONCE });
}

async function findName(
  resolver: ReturnType<typeof createResolver>,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Finding> {
  const key = `name ${name}`;
  const began = performance.now();
  try {
    const { addresses, server } = await resolver.resolve(name, signal);
    const by =
      server === "hosts" ? "the hosts file" : server === "literal" ? "itself" : `DNS server ${server}`;
    const message = `${addresses.map(formatAddress).join(", ")}, by ${by} in ${formatDuration(performance.now() - began)}`;
    return { level: "ok", key, message };
  } catch (error) {
    return failure("problem", key, error, signal);
  }
}

/** Each source of the order: whether it answers, with what, and how that stands to what is held here. */
export async function findSources(
  { order, trusted }: Route,
  fetcher: Fetcher,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const { steps } = order;
  if (steps.length === 0) {
    const message = "no source would be tried: `nearsource explain` says why each is passed over";
    return [{ level: "problem", key: "sources", message }];
  }
  const found = await pMap(steps, (step) => findSource(step, trusted, fetcher, signal), {
    concurrency: AT_ONCE,
  });
  return found.flat();
}

async function findSource(
  step: Step,
  trusted: TrustedSets,
  fetcher: Fetcher,
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const repositories = REPOSITORIES.filter((repository) => kindsIn(repository, step.kinds).length > 0);
  const findings: Finding[] = [];
  for (const repository of repositories) {
    const set = trusted[repository];
    if (set !== undefined) findings.push(await findRepository(step, set, fetcher, signal));
    // The rest would fail for the same reason, each after the same wait.
    if (findings.at(-1)?.level === "problem") break;
  }
  return findings;
}

async function findRepository(
  step: Step,
  trusted: TrustedSet,
  fetcher: Fetcher,
  signal: AbortSignal | undefined,
): Promise<Finding> {
  const source = sourceOf(step);
  const { repository } = trusted;
  const key = `source ${step.name ?? step.url}, ${repository}`;
  const began = performance.now();
  try {
    const means = { fetcher, now: new Date(), signal };
    const nothing = async () => ({ documents: new Map<string, Buffer>() });
    const { set, address } = await refreshRepository(trusted, source, means, nothing);
    const where = `${address === undefined ? "" : ` from ${address}`}${source.viaProxy ? " (for the internet: by the proxy, where one is set)" : ""}`;
    const message = `${freshness(trusted, set)}, verified in ${formatDuration(performance.now() - began)}${where}`;
    return { level: "ok", key, message };
  } catch (error) {
    return failure(
      toNearsourceError(error).code === "METADATA_OLDER" ? "note" : "problem",
      key,
      error,
      signal,
    );
  }
}

function freshness(held: TrustedSet, offered: TrustedSet): string {
  const [own, theirs] = [held, offered].map(({ files }) => describeRole(files.get("timestamp.json")));
  const until = theirs === undefined ? "" : `, good until ${theirs.expires}`;
  const versus =
    own === undefined
      ? "nothing is held yet"
      : own.version === theirs?.version
        ? "as held here"
        : `${own.version} is held here`;
  return `publication ${theirs?.version} (${versus})${until}`;
}

/** @throws the signal's reason, where that is why */
function failure(
  level: Finding["level"],
  key: string,
  error: unknown,
  signal: AbortSignal | undefined,
): Finding {
  signal?.throwIfAborted();
  const { code, hint } = toNearsourceError(error);
  const known: Partial<Record<string, string>> = FAILURE_REMEDIES;
  const remedy = known[code] ?? hint;
  return { level, key, code, message: explainError(error), ...(remedy === undefined ? {} : { remedy }) };
}
