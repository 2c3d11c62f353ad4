import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Inputs that are kept: `good-…` are accepted, `bad-…` refused, `crash-…` once broke a promise. */
export interface CorpusFile {
  name: string;
  input: Buffer;
}

export const CORPUS = path.join(import.meta.dirname, "..", "..", "fixtures", "corpus");

/** The corpus of one target, in the order of the names. */
export function readCorpus(target: string): CorpusFile[] {
  const folder = path.join(CORPUS, target);
  const names = readdirSync(folder).sort();
  return names.map((name) => ({ name, input: readFileSync(path.join(folder, name)) }));
}

/** Keeps an input that broke a promise, under a name that says which. */
export function keepCrash(target: string, input: Uint8Array): string {
  const folder = path.join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  const hash = createHash("sha256").update(input).digest("hex");
  const file = path.join(folder, `crash-${hash.slice(0, 12)}`);
  writeFileSync(file, input);
  return path.relative(process.cwd(), file);
}
