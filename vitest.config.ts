import path from "node:path";
import { defineConfig } from "vitest/config";

// Compiled code is shared by the workers and by every process that they start.
process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, "node_modules", ".cache", "compiled");

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
