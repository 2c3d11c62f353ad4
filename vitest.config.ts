import { readFileSync, statfsSync } from "node:fs";
import path from "node:path";
import { defineConfig } from "vitest/config";

// Compiled code is shared by the workers and by every process that they start.
process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, "node_modules", ".cache", "compiled");

// Scratch folders are in memory, so that nobody waits for a disk at each fsync; in full, as in CI, on the disk.
if (process.env.TESTS !== "all" && process.env.CRASH !== "all" && hasMemoryDisk("/dev/shm")) {
  process.env.TMPDIR ??= "/dev/shm";
}

/** Whether `folder` is a file system in memory with room (2 GiB) on which programs may be started. */
function hasMemoryDisk(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
    const [, , type = "", flags = ""] =
      mounts.find((line) => line.split(" ")[1] === folder)?.split(" ") ?? [];
    return type === "tmpfs" && !flags.split(",").includes("noexec") && bavail * bsize > 2 ** 31;
  } catch {
    return false;
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two machines' worth of sockets and disks are real here: a test that needs longer is stuck.
    // Half of their time they wait for sockets, processes and limits: more workers than cores.
    maxWorkers: 4,
  },
});
