/** Run by bench/delta.ts: makes a file of a delta or compressed whole, as an update run does. */
import { readFileSync } from "node:fs";
import { rebuild } from "../../src/delta/rebuild.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";

const [, , dataDir = "", instructions = "", from = ""] = process.argv;
const { alternative, result } = JSON.parse(readFileSync(instructions, "utf8"));
await rebuild(await openDataDir(dataDir), alternative, from, result);
