import { promises as fs } from "node:fs";
import path from "node:path";

/** Leaves in `FLAGS_FOLDER`, for each process, the flags of the engine that it set, and whether its collector is exposed. */
export const FLAGS_PRELOAD = `data:text/javascript,${encodeURIComponent(`
  import { writeFileSync } from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  import v8 from "node:v8";
  import { runInNewContext } from "node:vm";
  const set = v8.setFlagsFromString;
  const flags = [];
  v8.setFlagsFromString = (flag) => {
    flags.push(flag);
    set(flag);
  };
  syncBuiltinESMExports();
  process.on("exit", () => {
    const exposed = [typeof globalThis.gc, runInNewContext("typeof gc")];
    writeFileSync(process.env.FLAGS_FOLDER + "/" + process.pid, JSON.stringify({ flags, exposed }));
  });
`)}`;

interface SetFlags {
  flags: string[];
  exposed: string[];
}

/** The reports of all ended processes, by process id. */
export async function flagsIn(folder: string): Promise<Map<number, SetFlags>> {
  const said = new Map<number, SetFlags>();
  for (const name of await fs.readdir(folder)) {
    said.set(Number(name), JSON.parse(await fs.readFile(path.join(folder, name), "utf8")));
  }
  return said;
}
