import { promises as fs } from "node:fs";
import * as v from "valibot";
import { parseComponentName } from "../../core/content/manifest.ts";
import { describeFinding } from "../../core/findings/findingCodes.ts";
import { sourceListSchema } from "../../core/order/sourceList.ts";
import { reviewFields } from "../../core/order/sourceListReview.ts";
import { policySchema, updateAgentsSchema } from "../../core/settings/policy.ts";
import { reviewPolicy, reviewUpdateAgents } from "../../core/settings/policyReview.ts";
import { releasesSchema, reviewReleases } from "../../core/settings/rollout.ts";
import { type ErrorCode, NearsourceError } from "../../errors.ts";

/**
 * The TUF target of a settings document: `source-list` stands at `settings/source-list.json`,
 * `policies/berlin` at `settings/policies/berlin.json`.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID for a name that agents could not ask for
 */
export function documentTarget(name: string): string {
  const domain = /^policies\/(.*)$/s.exec(name)?.[1];
  if (domain !== undefined ? isDomain(domain) : /^[a-z0-9-]{1,100}$/.test(name)) {
    return `settings/${name}.json`;
  }
  throw new NearsourceError(
    "REPOSITORY_INPUT_INVALID",
    `${JSON.stringify(name)} is not a settings document`,
    {
      hint: "a name is source-list, releases, update-agents, policies/<domain>, or another of a-z 0-9 -",
    },
  );
}

/**
 * The bytes of a document as they are published: those of the file, without a byte order mark.
 *
 * @throws NearsourceError SETTINGS_INVALID when it cannot be read
 */
export async function readDocumentFile(file: string): Promise<Buffer> {
  try {
    const bytes = await fs.readFile(file);
    const mark = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
    return mark ? bytes.subarray(3) : bytes;
  } catch (error) {
    throw new NearsourceError("SETTINGS_INVALID", `cannot read ${file}`, { cause: error });
  }
}

/**
 * Checks a document as the agents that read it will.
 *
 * @returns the oddities of a valid one
 * @throws NearsourceError SOURCE_LIST_INVALID, POLICY_INVALID or SETTINGS_INVALID with the file, and each
 *   place in it with the reason
 */
export async function checkDocument(name: string, file: string, bytes: Buffer): Promise<string[]> {
  // Loaded here, since the publisher's other commands do not need the reader.
  const { describeFault, reviewSettings } = await import("../../config/settingsFile.ts");
  const { code, what, schema, review } = readerOf(name);
  const refuse = (faults: string[]) =>
    new NearsourceError(code, `the ${what} in ${file} is not valid`, {
      faults,
      hint: "nothing was published: the document in force stays in force",
    });
  const text = decode(bytes);
  if (text === undefined) throw refuse(["is not UTF-8 text"]);
  const { faults, repeated, value } = reviewSettings(text, schema);
  const odd = [...repeated.map(describeFault), ...review(value)];
  if (faults.length > 0) throw refuse([...faults.map(describeFault), ...odd]);
  return odd;
}

interface Reader {
  code: ErrorCode;
  what: string;
  schema: v.GenericSchema;
  /** The oddities of it, as it was written. */
  review: (value: unknown) => string[];
}

function readerOf(name: string): Reader {
  if (name === "source-list") {
    const review = (value: unknown) => reviewFields(value).map(describeFinding);
    return { code: "SOURCE_LIST_INVALID", what: "source list", schema: sourceListSchema, review };
  }
  if (name === "update-agents") {
    const what = "list of Update Agents";
    return { code: "SETTINGS_INVALID", what, schema: updateAgentsSchema, review: reviewUpdateAgents };
  }
  if (name === "releases") {
    const what = "list of releases";
    return { code: "SETTINGS_INVALID", what, schema: releasesSchema, review: reviewReleases };
  }
  if (name.startsWith("policies/")) {
    return { code: "POLICY_INVALID", what: "policy", schema: policySchema, review: reviewPolicy };
  }
  const review = () => [`agents of this version do not read settings/${name}`];
  return { code: "SETTINGS_INVALID", what: "settings document", schema: v.object({}), review };
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isDomain(name: string): boolean {
  try {
    return parseComponentName(name) === name;
  } catch {
    return false;
  }
}
