import { defineConfig } from "rolldown";

/**
 * The program as CommonJS, in pieces that each command loads for itself, and the library as a module.
 * Compiled code is kept beside the program, where whoever may change the one may change the other; where
 * that folder cannot be written, starts cost what they cost without it.
 */
export default defineConfig([
  {
    input: "src/main.ts",
    platform: "node",
    output: {
      dir: "dist",
      format: "cjs",
      minify: true,
      entryFileNames: "main.cjs",
      chunkFileNames: "chunks/[name]-[hash].cjs",
      banner: ({ isEntry }) =>
        isEntry
          ? 'require("node:module").enableCompileCache(require("node:path").join(__dirname, "cache"));'
          : "",
    },
  },
  {
    input: "src/agent/update.ts",
    platform: "node",
    output: { dir: "dist", format: "esm", codeSplitting: false },
  },
]);
