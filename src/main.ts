#!/usr/bin/env node
import { keepGoing } from "./cli/terminal/keepGoing.ts";
/**
 * The process: arguments in, exit code out. Nothing is imported here that `--version` does not need;
 * each command loads its own parts, since this starts on every endpoint every hour.
 */
import type { VersionRecord } from "./tuf/versionRecord.ts";
import { VERSION } from "./version.ts";

/** The version in `engines` of package.json. */
const OLDEST_NODE = 26;

// Not awaited at the top, which CommonJS does not have: the installed program is a bundle in that form, since
// an `import` of node:http, unlike a `require`, loads all of the runtime's own HTTP clients.
void start(process.argv.slice(2)).catch(end);

async function start(args: string[]): Promise<void> {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) return refuseRuntime();
  process.on("uncaughtException", end);
  // Modes are given where a file is made: installed and published files are readable for others, under any
  // umask.
  process.umask(0o022);
  let told: VersionRecord | undefined;
  if (args.includes("--scheduled")) {
    const { askForHint } = await import("./cli/askForHint.ts");
    const hint = await askForHint(args);
    if (hint !== undefined && "server" in hint) return;
    told = hint?.told;
  }
  keepGoing();
  if (args[0] === "--version" || args[0] === "-V") {
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  if (args.includes("agent")) {
    const { runAgentLine } = await import("./cli/agent/agentLine.ts");
    const exitCode = await runAgentLine(args);
    if (exitCode !== undefined) {
      process.exitCode = exitCode;
      return;
    }
  }
  const { runProgram } = await import("./cli/program.ts");
  process.exitCode = await runProgram(args, told);
}

function refuseRuntime(): void {
  process.stderr.write(
    `nearsource: it takes Node ${OLDEST_NODE} or newer, and this is ${process.version} (${process.execPath})\n` +
      "hint: install that, or take the executable that needs none; in a checkout: npm ci, then npm start -- COMMAND\n",
  );
  process.exitCode = 6;
}

/** An error that nothing caught ends the process as any other failure does. */
async function end(error: unknown): Promise<void> {
  const { asksForJson, fail } = await import("./cli/terminal/failure.ts");
  process.exit(fail(error, asksForJson(process.argv)));
}
