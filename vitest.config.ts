import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two machines' worth of sockets and disks are real here: a test that needs longer is stuck.
    maxWorkers: 2,
  },
});
