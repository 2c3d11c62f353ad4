import { spawn } from "node:child_process";

/** What one process took. Seconds, and bytes of peak resident memory. */
export interface Cost {
  wall: number;
  cpu: number;
  rss: number;
}

/**
 * Runs a command to its end under GNU time.
 *
 * @throws Error when it fails
 */
export async function costOf(command: string[], cwd: string): Promise<Cost> {
  const child = spawn("/usr/bin/time", ["-f", "\n%e %U %S %M", ...command], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stderr}`);
  const [wall = 0, user = 0, system = 0, kilobytes = 0] = (stderr.trim().split("\n").at(-1) ?? "")
    .split(" ")
    .map(Number);
  return { wall, cpu: user + system, rss: kilobytes * 1_024 };
}

/** The median of each figure over `times` runs; `before` each, what is not measured. */
export async function medianCost(
  times: number,
  command: string[],
  cwd: string,
  before?: () => Promise<unknown>,
): Promise<Cost> {
  const costs: Cost[] = [];
  for (let run = 0; run < times; run++) {
    await before?.();
    costs.push(await costOf(command, cwd));
  }
  return {
    wall: median(costs.map((each) => each.wall)),
    cpu: median(costs.map((each) => each.cpu)),
    rss: median(costs.map((each) => each.rss)),
  };
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Prints rows under their headings, aligned. */
export function printTable(headings: string[], rows: string[][]): void {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [headings, widths.map((width) => "-".repeat(width)), ...rows]) {
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
}
