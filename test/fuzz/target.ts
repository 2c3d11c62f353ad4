import assert from "node:assert/strict";
import type fc from "fast-check";

/** A reader of what others write, and what it promises for any input. */
export interface FuzzTarget {
  /** Its folder in `fixtures/corpus`, and how `--target` calls it. */
  name: string;
  /** Whether its inputs hold JSON, so that single values in them are worth changing. */
  json: boolean;
  /** Inputs made from nothing. */
  made: fc.Arbitrary<Buffer>;
  /**
   * Reads one input.
   *
   * @returns whether the reader accepted it
   * @throws when a promise does not hold
   */
  check(input: Buffer): boolean | Promise<boolean>;
  /** Lets go of what the checks keep open. */
  close?(): Promise<void>;
}

type ErrorClass = abstract new (...parameters: never[]) => Error;

/**
 * The result of `work`, or undefined when it refuses with an error of `refusal`; nothing else may be thrown.
 */
export function unlessRefused<Result>(refusal: ErrorClass, work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    assert(error instanceof refusal, unexpected(error));
    return undefined;
  }
}

/** As `unlessRefused`, for work that takes its time. */
export async function unlessRefusedLater<Result>(
  refusal: ErrorClass,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    assert(error instanceof refusal, unexpected(error));
    return undefined;
  }
}

/** An error nobody promised, with where it came from. */
export function unexpected(error: unknown): string {
  return `threw ${error instanceof Error ? error.stack : String(error)}`;
}

/** The parsed JSON in `text`, or undefined where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `value` as a JSON object, or undefined where it is another type. */
export function objectOf(value: unknown): Record<string, unknown> | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

/** JSON as the bytes of a file. */
export function toJsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value) ?? "null");
}
