import { promises as fs } from "node:fs";
import type { Config } from "../../config/configSchema.ts";
import { type Kind, sortKinds } from "../../core/content/kind.ts";
import { settingsTargets } from "../../core/content/layout.ts";
import { DocumentError, parseJson } from "../../core/document.ts";
import { parseSourceList, type SourceList, STANDARD_SOURCE } from "../../core/order/sourceList.ts";
import type { Report } from "../../core/report.ts";
import { DEFAULT_POLICY, type Policy, parsePolicy, parseUpdateAgents } from "../../core/settings/policy.ts";
import { NO_RELEASES, parseReleases, type Releases } from "../../core/settings/rollout.ts";
import { type ErrorCode, NearsourceError } from "../../errors.ts";
import type { TrustedSet } from "../../tuf/trustedSet.ts";

/** The input of the order: the list and the policy in force, and where the list came from. */
export interface Settings {
  list: SourceList;
  policy: Policy;
  role: "agent" | "update-agent";
  /** The kinds that this agent may serve, as an Update Agent; none without the role. */
  granted: Kind[];
  sourceList: Report["sourceList"];
}

/**
 * The settings in force without asking anybody.
 *
 * @throws NearsourceError SOURCE_LIST_INVALID, POLICY_INVALID for a local file
 */
export async function settingsInForce(
  config: Pick<Config, "sourceList" | "policy" | "domain">,
  trusted: TrustedSet | undefined,
  agentId: string,
  from: "server" | "cache" = "cache",
): Promise<Settings> {
  const targets = settingsTargets(config.domain);
  const listBytes = trusted?.documents.get(targets.sourceList);
  const policyBytes = trusted?.documents.get(targets.policy);
  const agentsBytes = trusted?.documents.get(targets.updateAgents);
  const list =
    config.sourceList !== undefined
      ? await readLocal(config.sourceList, "SOURCE_LIST_INVALID", parseSourceList)
      : fromBytes(listBytes, parseSourceList);
  const policy =
    config.policy !== undefined
      ? await readLocal(config.policy, "POLICY_INVALID", parsePolicy)
      : fromBytes(policyBytes, parsePolicy);
  const grants = fromBytes(agentsBytes, parseUpdateAgents)?.agents.filter(({ id }) => id === agentId) ?? [];
  const origin = config.sourceList !== undefined ? "file" : list === undefined ? "none" : from;
  return {
    list: list ?? STANDARD_SOURCE,
    policy: policy ?? DEFAULT_POLICY,
    role: grants.length > 0 ? "update-agent" : "agent",
    granted: sortKinds(grants.flatMap(({ kinds }) => kinds)),
    sourceList: { version: list?.version ?? 0, from: origin },
  };
}

/**
 * How releases reach the fleet, by the settings held now: those that a source has just brought count in the same
 * run, so that a halt is heard of before the content that it is about.
 */
export function releasesInForce(trusted: TrustedSet | undefined): Releases {
  return fromBytes(trusted?.documents.get(settingsTargets("").releases), parseReleases) ?? NO_RELEASES;
}

async function readLocal<Result>(
  file: string,
  code: ErrorCode,
  parse: (value: unknown) => Result,
): Promise<Result> {
  let text: string;
  try {
    text = await fs.readFile(file, "utf8");
  } catch (error) {
    throw new NearsourceError(code, `cannot read ${file}`, { cause: error });
  }
  return parseOrThrow(text, file, code, parse);
}

/**
 * Reads a settings document that stands in a local file.
 *
 * @throws NearsourceError SOURCE_LIST_INVALID naming the entry, the field and the reason
 */
export function readSourceListFile(file: string): Promise<SourceList> {
  return readLocal(file, "SOURCE_LIST_INVALID", parseSourceList);
}

/**
 * Reads a settings document.
 *
 * @throws NearsourceError `code`, naming the document, the place in it and the reason
 */
export function parseOrThrow<Result>(
  text: string,
  name: string,
  code: ErrorCode,
  parse: (value: unknown) => Result,
): Result {
  try {
    return parse(parseJson(text));
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw new NearsourceError(code, `${name} is refused: ${error.message}`, {
      hint: "correct it there; until then the one in force stays in force",
    });
  }
}

/** A document of the trusted set was validated before it got there; one that no longer reads counts as none. */
function fromBytes<Result>(bytes: Buffer | undefined, parse: (value: unknown) => Result): Result | undefined {
  try {
    return bytes === undefined ? undefined : parse(parseJson(bytes.toString()));
  } catch {
    return undefined;
  }
}
