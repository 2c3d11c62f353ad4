#!/usr/bin/env node
/**
 * The process: arguments in, exit code out. Nothing is imported here that `--version` does not need;
 * each command loads its own parts, since this starts on every endpoint every hour.
 */
import { VERSION } from "./version.ts";

// Not awaited at the top, which CommonJS does not have: what is installed is a bundle in that form,
// since an `import` of node:http, unlike a `require`, loads all of the runtime's own HTTP clients.
void start(process.argv.slice(2));

async function start(args: string[]): Promise<void> {
  if (args[0] === "--version" || args[0] === "-V") {
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  // Modes are said where a file is made: what is installed and published is for others to read, under any umask.
  process.umask(0o022);
  if (args.includes("--scheduled")) {
    const { endsByHint } = await import("./cli/hint.ts");
    if (await endsByHint(args)) return;
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // Whoever read us has gone (`| head`). What a command does, it does all the same.
      if (error.code !== "EPIPE") throw error;
    });
  }
  // A file that grows over its limit is an error of that write (EFBIG). What conf brings along would end
  // the process at this signal, if it were the only one to listen.
  if (process.platform !== "win32") process.on("SIGXFSZ", () => {});
  if (args.includes("agent")) {
    const { runAgentLine } = await import("./cli/agentLine.ts");
    const exitCode = await runAgentLine(args);
    if (exitCode !== undefined) {
      process.exitCode = exitCode;
      return;
    }
  }
  const { runProgram } = await import("./cli/program.ts");
  process.exitCode = await runProgram(args);
}
