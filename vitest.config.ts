import { readFileSync, statfsSync } from "node:fs";
import path from "node:path";
import { defineConfig } from "vitest/config";

// Compiled code is shared by the workers and by every process that they start.
process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, "node_modules", ".cache", "compiled");

/** As `npm run test:all` and CI have it; `npm test` is done in four minutes. */
const IN_FULL = process.env.TESTS === "all" || process.env.CRASH === "all";

// Scratch folders are in memory, so that nobody waits for a disk at each fsync; in full, as in CI, on the disk.
if (!IN_FULL && hasMemoryDisk("/dev/shm")) {
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

/** Test files that leave their process as it was: they share it, and with it what takes long to read and to start. */
const SHARED = ["test/core/**/*.test.ts", "test/server/**/*.test.ts"];

/** Trials of whole fleets that take longest, of what other tests prove in parts: in full, or where they are named. */
const LONG = [
  "test/crash/{deliveries,powerLoss,serverInit,servers,setUp,shutDown,storage}.test.ts",
  "test/delta/rebuild.test.ts",
  "test/e2e/{fleet,hostNames,mirror,releases,screens,states,tabs,troubles,twoPeople,updateSource}.test.ts",
  "test/packaging/*.test.ts",
  "test/fuzz/{corpus,growth}.test.ts",
  "test/publisher/crash.test.ts",
  "test/real/{agent,brokerFleet,connectTimes,documentedRoot,namespace,releases,rootRenewal,serverBackup,streams,systemd,thinLink}.test.ts",
  "test/relay/fill/{failover,filling,fillingAttacked}.test.ts",
  "test/relay/serve/{load,manyReaders}.test.ts",
  "test/server/mirror/contentMirror.test.ts",
  "test/server/watch/eventCauses.test.ts",
];
const isNamed = process.argv.some((word) => word.startsWith("test/"));
const LEFT_OUT = IN_FULL || isNamed ? [] : LONG;

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A second, as it is without this, passes on a busy machine before anything has happened.
    expect: { poll: { timeout: 30_000, interval: 20 } },
    // Two machines' worth of sockets and disks are real here: a test that needs longer is stuck.
    // Half of their time they wait for sockets, processes and limits: more workers than cores.
    maxWorkers: 4,
    setupFiles: ["test/support/eachFile.ts"],
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      { extends: true, test: { name: "shared", isolate: false, include: SHARED, exclude: LEFT_OUT } },
      {
        extends: true,
        test: { name: "own", include: ["test/**/*.test.ts"], exclude: [...SHARED, ...LEFT_OUT] },
      },
    ],
  },
});
