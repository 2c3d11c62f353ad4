import { type ChildProcess, spawn } from "node:child_process";

const started = new Set<ChildProcess>();

/** Starts a program. @returns it, and all that it has said so far */
export function start(command: string, words: readonly string[]) {
  const child = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"] });
  started.add(child.once("close", () => started.delete(child)));
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (piece) => {
    stdout += piece;
  });
  child.stderr.on("data", (piece) => {
    stderr += piece;
  });
  return { child, said: () => ({ stdout, stderr }) };
}

/** Ends all that were started and have not ended. */
export function killStarted(): void {
  for (const child of started) child.kill("SIGKILL");
}
