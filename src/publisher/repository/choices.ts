import path from "node:path";
import * as v from "valibot";
import { DocumentError, parseJson, positiveInteger, readDocument } from "../../core/document.ts";
import { NearsourceError } from "../../errors.ts";
import { readIfThere } from "../../store/durable.ts";
import { refuseUnsafe } from "../../store/safePath.ts";
import type { Location } from "./location.ts";
import { placeFile } from "./placeFile.ts";

/** Days for which the signatures of each role are valid. Delegated roles live as long as `targets`. */
export interface Lifetimes {
  root: number;
  targets: number;
  snapshot: number;
  timestamp: number;
}

export const DEFAULT_LIFETIMES: Lifetimes = { root: 730, targets: 365, snapshot: 90, timestamp: 14 };

/** Ten thousand days keep every date within the four-digit years that TUF writes. */
const days = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(10_000));

const lifetimesSchema = v.object({ root: days, targets: days, snapshot: days, timestamp: days });

const choicesSchema = v.object({
  lifetimes: lifetimesSchema,
  root: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "!is not a SHA-256 in lower-case hex")),
});

/** `publisher.json`: the options of `init`, and the SHA-256 of the first root, from which trust starts. */
export type Choices = v.InferOutput<typeof choicesSchema>;

/**
 * `published.json`: the highest version of each role that was published from here. A web root that was
 * put back to an older state is recognised by it.
 */
export type HighestVersions = Record<string, number>;

const highestSchema = v.record(v.string(), positiveInteger);

/**
 * Checks that lifetimes are 1 to 10,000 whole days.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID naming the role
 */
export function checkLifetimes(lifetimes: Partial<Lifetimes>): Lifetimes {
  try {
    return readDocument(lifetimesSchema, { ...DEFAULT_LIFETIMES, ...lifetimes });
  } catch (error) {
    throw new NearsourceError("REPOSITORY_INPUT_INVALID", "the days until expiry are not usable", {
      cause: error,
      hint: "each is a whole number of days from 1 to 10000",
    });
  }
}

/** The lifetime of `role` in milliseconds. */
export function lifetimeOf(lifetimes: Lifetimes, role: string): number {
  const own = role === "root" || role === "snapshot" || role === "timestamp" ? role : "targets";
  return lifetimes[own] * 86_400_000;
}

/** The choices made at `init`, or undefined where no publisher has its keys. */
export async function findChoices(location: Location): Promise<Choices | undefined> {
  return readOwnFile(path.join(location.keys, "publisher.json"), choicesSchema);
}

/**
 * The choices made at `init`.
 *
 * @throws NearsourceError REPOSITORY_INVALID when there are none, or they are damaged
 */
export async function readChoices(location: Location): Promise<Choices> {
  const choices = await findChoices(location);
  if (choices !== undefined) return choices;
  throw new NearsourceError("REPOSITORY_INVALID", `no publisher.json in ${location.keys}`, {
    hint: `name the keys folder with --keys, or make the repository with: nearsource repo init --${location.repository}`,
  });
}

export async function writeChoices(location: Location, choices: Choices): Promise<void> {
  await placeFile(path.join(location.keys, "publisher.json"), jsonBytes(choices), 0o600);
}

/** The highest versions published from here; none before the first publication. */
export async function readHighest(location: Location): Promise<HighestVersions> {
  return (await readOwnFile(path.join(location.keys, "published.json"), highestSchema)) ?? {};
}

export async function writeHighest(location: Location, highest: HighestVersions): Promise<void> {
  await placeFile(path.join(location.keys, "published.json"), jsonBytes(highest), 0o600);
}

function jsonBytes(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
}

async function readOwnFile<Schema extends v.GenericSchema>(
  file: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | undefined> {
  const bytes = await readIfThere(file);
  if (bytes === undefined) return undefined;
  // Trust starts from the content of these files.
  refuseUnsafe(file, "the publisher's own file");
  try {
    return readDocument(schema, parseJson(bytes.toString("utf8")));
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw new NearsourceError("REPOSITORY_INVALID", `${file} is damaged`, {
      cause: error,
      hint: "put it back from a backup of the keys folder",
    });
  }
}
