import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { explainError } from "../errors.ts";
import { jsonLine } from "./log.ts";

/** A file that lines are added to. */
export interface LogFile {
  /** Adds a line. One that cannot be written is lost; the first of several in a row is reported. */
  append(line: string): void;
}

/** A log that has grown to so many bytes is put away, as `FILE.1`, and the oldest of these goes. */
const MOST_BYTES = 10_485_760;
const MOST_FILES = 5;
/** Systems without such a flag have nothing that waits for a reader either. */
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0 } = constants;

/**
 * Opens nothing yet: the file is opened for each line, so that it may be put away by another process, which
 * writes to it as well, or by the system's own rotation.
 *
 * @param onFailure called with the reason why lines are lost from now on
 */
export function createLogFile(file: string, onFailure: (error: Error) => void): LogFile {
  let isFailing = false;
  let isTorn = false;
  return {
    append(line) {
      try {
        isTorn = !appendTo(file, `${isTorn ? "\n" : ""}${line}\n`);
        if (isTorn) throw new Error("only a part of a line could be written");
        isFailing = false;
      } catch (error) {
        const isFirst = !isFailing;
        isFailing = true;
        if (isFirst) onFailure(error as Error);
      }
    },
  };
}

/**
 * The configured file, if any. A failure to write there is reported to `warn`; a failure of the standard
 * streams is logged in the file.
 */
export function openLogFile(name: string | undefined, warn: (message: string) => void): LogFile | undefined {
  if (name === undefined) return undefined;
  const file = createLogFile(name, (error) =>
    warn(`the log ${name} cannot be written, and goes on without it: ${explainError(error)}`),
  );
  for (const stream of ["stdout", "stderr"] as const) {
    process[stream].once("error", ({ message }: Error) =>
      file.append(jsonLine("warn", `${stream} cannot be written: ${message}`)),
    );
  }
  return file;
}

/** Whether all of `text` could be written. */
function appendTo(file: string, text: string): boolean {
  let descriptor = openToAppend(file);
  try {
    if (isFull(descriptor) && putAway(file, descriptor)) {
      closeSync(descriptor);
      descriptor = openToAppend(file);
    }
    const bytes = Buffer.from(text);
    return writeSync(descriptor, bytes) === bytes.length;
  } finally {
    closeSync(descriptor);
  }
}

/** A pipe that nobody reads from is an error at once, instead of a wait for ever. */
function openToAppend(file: string): number {
  const open = () => openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640);
  try {
    return open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    makeFolder(path.dirname(file));
    return open();
  }
}

/** Not `mkdir` with `recursive`, which tries for ever where nothing can be made, as in `/proc`. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, 0o750);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    const parent = path.dirname(folder);
    if (code !== "ENOENT" || parent === folder) throw error;
    makeFolder(parent);
    mkdirSync(folder, 0o750);
  }
}

function isFull(descriptor: number): boolean {
  const stats = fstatSync(descriptor);
  return stats.isFile() && stats.size >= MOST_BYTES;
}

/** Whether the open file is out of the way. If it has to stay, it grows on: no line is worth less. */
function putAway(file: string, descriptor: number): boolean {
  try {
    // Another process may have done it since.
    if (statSync(file).ino !== fstatSync(descriptor).ino) return true;
    for (let age = MOST_FILES - 2; age >= 1; age--) renameIfThere(`${file}.${age}`, `${file}.${age + 1}`);
    renameSync(file, `${file}.1`);
    return true;
  } catch {
    return false;
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
