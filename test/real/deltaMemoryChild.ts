/** One update, and the most memory that it took, in megabytes. Arguments: the configuration file. */
import { readFileSync } from "node:fs";
import { update } from "../../src/update/update.ts";

async function main(): Promise<void> {
  const report = await update({ config: process.argv[2] });
  // Not `maxRSS`: to Linux that is also the memory of the process that started this one.
  const status = readFileSync("/proc/self/status", "utf8");
  const megabytes = Number(status.match(/^VmHWM:\s+(\d+) kB$/m)?.[1]) / 1_000;
  const setbacks = report.attempts.flatMap((attempt) => attempt.setbacks ?? []);
  process.stdout.write(JSON.stringify({ outcome: report.outcome, setbacks, megabytes }));
}

void main();
