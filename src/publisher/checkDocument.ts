import { promises as fs } from "node:fs";
import { DocumentError, parseJson } from "../core/document.ts";
import { parseComponentName } from "../core/manifest.ts";
import { parsePolicy, parseUpdateAgents } from "../core/policy.ts";
import { reviewPolicy, reviewUpdateAgents } from "../core/policyReview.ts";
import { parseSourceList } from "../core/sourceList.ts";
import { describeFinding, reviewFields } from "../core/sourceListReview.ts";
import { type ErrorCode, NearsourceError } from "../errors.ts";

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
      hint: "a name is source-list, update-agents, policies/<domain>, or another of a-z 0-9 -",
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
 * @returns what is odd about a valid one
 * @throws NearsourceError SOURCE_LIST_INVALID, POLICY_INVALID or SETTINGS_INVALID with the file, the
 *   place in it and the reason
 */
export function checkDocument(name: string, file: string, bytes: Buffer): string[] {
  const { code, what, parse } = readerOf(name);
  try {
    const value = parseJson(decode(bytes));
    parse(value);
    if (parse === requireObject) return [`agents of this version do not read settings/${name}`];
    if (parse === parseSourceList) return reviewFields(value).map(describeFinding);
    return parse === parsePolicy ? reviewPolicy(value) : reviewUpdateAgents(value);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw new NearsourceError(code, `the ${what} in ${file} is not valid: ${error.message}`, {
      hint: "nothing was published: the document in force stays in force",
    });
  }
}

interface Reader {
  code: ErrorCode;
  what: string;
  parse: (value: unknown) => unknown;
}

function readerOf(name: string): Reader {
  if (name === "source-list") {
    return { code: "SOURCE_LIST_INVALID", what: "source list", parse: parseSourceList };
  }
  if (name === "update-agents") {
    return { code: "SETTINGS_INVALID", what: "list of Update Agents", parse: parseUpdateAgents };
  }
  if (name.startsWith("policies/")) return { code: "POLICY_INVALID", what: "policy", parse: parsePolicy };
  return { code: "SETTINGS_INVALID", what: "settings document", parse: requireObject };
}

function requireObject(value: unknown): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new DocumentError("", "must be a JSON object");
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DocumentError("", "is not UTF-8 text");
  }
}

function isDomain(name: string): boolean {
  try {
    return parseComponentName(name) === name;
  } catch {
    return false;
  }
}
