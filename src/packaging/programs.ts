import type { OutputOptions, Plugin, RolldownOptions } from "rolldown";

/** The oldest Node that the program runs on; package.json says so too, as `engines`. */
const OLDEST_NODE = 26;

/**
 * What got checks its options with makes two formatters of lists as it is loaded, for messages that are
 * never seen here. The first of them has the runtime read its tables of languages: a tenth of the CPU of a
 * run that finds nothing new. Here they are made when they are used.
 */
export const listFormatsWhenUsed: Plugin = {
  name: "list-formats-when-used",
  transform: {
    filter: { id: /@sindresorhus\/is\// },
    handler: (code) =>
      code.replaceAll(
        /= (new Intl\.ListFormat\(.*?\));/g,
        (_, made: string) => `= { format: (list) => ${made}.format(list) };`,
      ),
  },
};

/**
 * The server's commands as a program of their own, `server.cjs`: what it shares with an agent would else be cut
 * into many more pieces, each of them one more file for an agent to read.
 */
const serverApart: Plugin = {
  name: "server-apart",
  resolveId: {
    filter: { id: /\/serverCommands\.ts$/ },
    handler: (_, importer) =>
      importer === undefined ? undefined : { id: "../server.cjs", external: true, moduleSideEffects: false },
  },
};

/** An old Node, whatever reads it, gets a sentence before it meets anything that it does not know. */
const REFUSE_OLD_NODE = `if (parseInt(process.versions.node, 10) < ${OLDEST_NODE}) {
  console.error("nearsource: it takes Node ${OLDEST_NODE} or newer, and this is " + process.version);
  console.error("hint: install a newer Node, or use the executable, which brings its own");
  process.exit(6);
}
`;

/**
 * The program as CommonJS, in pieces that each command loads for itself, and the server as one piece.
 * Compiled code is kept beside the program, where whoever may change the one may change the other; where
 * that folder cannot be written, starts cost what they cost without it.
 */
export const PROGRAMS: (RolldownOptions & { output: OutputOptions })[] = [
  {
    input: "src/main.ts",
    platform: "node",
    plugins: [listFormatsWhenUsed, serverApart],
    output: {
      dir: "dist",
      format: "cjs",
      minify: true,
      entryFileNames: "main.cjs",
      chunkFileNames: "chunks/[name]-[hash].cjs",
      banner: ({ isEntry, name }) =>
        isEntry && name === "main"
          ? `${REFUSE_OLD_NODE}require("node:module").enableCompileCache?.(require("node:path").join(__dirname, "cache"));`
          : "",
    },
  },
  {
    input: { server: "src/cli/server/serverCommands.ts" },
    platform: "node",
    plugins: [listFormatsWhenUsed],
    output: { dir: "dist", format: "cjs", minify: true, codeSplitting: false, entryFileNames: "server.cjs" },
  },
];
