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
  if (args.includes("--scheduled")) {
    const { endsByHint } = await import("./cli/hint.ts");
    if (await endsByHint(args)) return;
  }
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
