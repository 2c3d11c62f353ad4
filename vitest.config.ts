import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two machines' worth of sockets and disks are real here: a test that needs longer is stuck.
    // Half of their time they wait for sockets, processes and limits: one worker more than cores.
    maxWorkers: 3,
  },
});
