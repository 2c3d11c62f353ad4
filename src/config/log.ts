import { printableJson } from "../core/printable.ts";
import { onOneLine } from "../errors.ts";

/** The log of the program at work. `fields` go into the JSON line; people read the message. */
export interface Log {
  error(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  debug(message: string, fields?: object): void;
}

/** A log that can be closed, once every line is where it belongs. */
export interface OpenLog extends Log {
  close(): Promise<void>;
}

export const SILENT: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

/** The levels: each includes those before it. */
export const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 };

export type Level = keyof typeof LEVELS;

/** The file and the level of a log, as a configuration has them. */
export interface LogOptions {
  /** Level of the file. */
  level: Level;
  file?: string | undefined;
}

/** A log of which each line goes to `write`. */
export function logBy(write: (level: Level, message: string, fields?: object) => void): Log {
  return {
    error: (message, fields) => write("error", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    info: (message, fields) => write("info", message, fields),
    debug: (message, fields) => write("debug", message, fields),
  };
}

/** A line for people, without its end. */
export function humanLine(level: string, message: unknown): string {
  const line = onOneLine(String(message));
  return level === "info" ? line : `${level}: ${line}`;
}

/** A line of a file, without its end. */
export function jsonLine(level: string, message: unknown, fields?: object): string {
  return printableJson({ ...fields, level, message, timestamp: new Date().toISOString() });
}
