import { InvalidArgumentError } from "commander";
import type { ContentKind } from "../../core/content/kind.ts";
import type { Repository } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import { printAside } from "../terminal/output.ts";

/** The option that every command which signs has. */
export const KEYS_OPTION = ["--keys <folder>", "where the private keys stand (default: DIR.keys)"] as const;

/** The option of every command that publishes. */
export const WAIT_OPTION = ["--wait", "wait for another publisher that is at work in the web root"] as const;

/** The options that the publishing commands have in common. */
export interface SigningFlags {
  keys?: string;
  wait?: boolean;
}

/** The choice of one of the two repositories. */
export interface RepositoryFlags {
  content?: boolean;
  settings?: boolean;
}

/** The repositories named by flags, in the order in which agents read them. */
export function flaggedRepositories(flags: RepositoryFlags): Repository[] {
  return [
    ...(flags.settings === true ? (["settings"] as const) : []),
    ...(flags.content === true ? (["content"] as const) : []),
  ];
}

/** Parses an option that is a whole number from 1 up. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("It must be a whole number from 1 up.");
}

/** Parses an option that is a whole number, or 0. */
export function wholeOrZero(text: string): number {
  return text === "0" ? 0 : wholeNumber(text);
}

/** Writes warnings to stderr, so that they do not mix with piped output. */
export function warn(warnings: string[]): void {
  for (const warning of warnings) printAside(`nearsource: warning: ${warning}`);
}

/** The kind and the name of what an argument names as KIND/NAME. */
export function splitName<K extends ContentKind | "settings">(
  text: string,
  kinds: readonly K[],
): { kind: K; name: string } {
  const slash = text.indexOf("/");
  const kind = kinds.find((each) => each === text.slice(0, Math.max(slash, 0)));
  if (kind !== undefined) return { kind, name: text.slice(slash + 1) };
  throw new NearsourceError("USAGE", `${JSON.stringify(text)} is not KIND/NAME`, {
    hint: `KIND is one of ${kinds.join(", ")}`,
  });
}

/** Nothing is published there. */
export function noRepository(dir: string, which: string): NearsourceError {
  return new NearsourceError("REPOSITORY_INVALID", `no repository in ${dir} ${which}`.trimEnd(), {
    hint: "make one with: nearsource repo init, or name the keys folder with --keys",
  });
}

export function countFiles(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}
