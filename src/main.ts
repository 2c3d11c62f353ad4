#!/usr/bin/env node
/**
 * The process: arguments in, exit code out. Nothing is imported here that `--version` does not need;
 * each command loads its own parts, since this starts on every endpoint every hour.
 */
import { readFileSync } from "node:fs";

const [, , first] = process.argv;

if (first === "--version" || first === "-V") {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  process.stdout.write(`${manifest.version}\n`);
} else {
  const { runProgram } = await import("./cli/program.ts");
  process.exitCode = await runProgram(process.argv.slice(2));
}
