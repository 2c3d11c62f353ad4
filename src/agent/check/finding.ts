import type { Config } from "../../config/configSchema.ts";
import { type ErrorCode, explainError } from "../../errors.ts";

/** The result for one thing that a configuration names. */
export interface Finding {
  level: "ok" | "note" | "problem";
  /** The key of the configuration, such as `roots.content`, or the thing that was looked at, such as `clock`. */
  key: string;
  message: string;
  /** The code of a failure, and what to do about it. */
  code?: ErrorCode;
  remedy?: string;
}

/** The input of `agent --check`, and its findings. */
export interface Check {
  config: Config;
  now: Date;
  env: NodeJS.ProcessEnv;
  found: Finding[];
}

/**
 * Adds the findings of `look`, or the reason why it failed. For a key that has a problem already, nothing is
 * ok.
 */
export async function say(
  { found }: Check,
  key: string,
  look: () => Promise<string> | string,
): Promise<boolean> {
  try {
    const message = await look();
    const isSound = !found.some((each) => each.key === key && each.level === "problem");
    if (isSound) found.push({ level: "ok", key, message });
    return isSound;
  } catch (error) {
    found.push({ level: "problem", key, message: explainError(error) });
    return false;
  }
}

/** Adds remarks that are worth a look and stop nothing. */
export function note({ found }: Check, key: string, messages: string[]): void {
  found.push(...messages.map((message) => ({ level: "note" as const, key, message })));
}
