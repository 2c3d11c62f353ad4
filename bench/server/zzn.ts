import { promises as fs } from "node:fs";
import path from "node:path";
import type { Bench } from "../outcome.ts";
import { notify } from "./notify.ts";

const work = await fs.mkdtemp(path.join("/var/tmp", "zz-"));
console.log(
  JSON.stringify(
    (
      await notify({
        work,
        runs: 1,
        quick: false,
        main: path.resolve("dist/main.cjs"),
        say: console.log,
      } as unknown as Bench)
    ).tables,
    null,
    1,
  ),
);
