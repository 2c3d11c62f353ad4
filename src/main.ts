#!/usr/bin/env node
/**
 * The process: arguments in, exit code out. Nothing is imported here that `--version` does not need;
 * each command loads its own parts, since this starts on every endpoint every hour.
 */
import { VERSION } from "./version.ts";

const [, , first] = process.argv;

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read us has gone (`| head`). What a command does, it does all the same.
    if (error.code !== "EPIPE") throw error;
  });
}

if (first === "--version" || first === "-V") {
  process.stdout.write(`${VERSION}\n`);
} else {
  // A file that grows over its limit is an error of that write (EFBIG). What conf brings along would end
  // the process at this signal, if it were the only one to listen.
  if (process.platform !== "win32") process.on("SIGXFSZ", () => {});
  const { runProgram } = await import("./cli/program.ts");
  process.exitCode = await runProgram(process.argv.slice(2));
}
