import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

const CHILDREN = path.join(import.meta.dirname, "../children");

/** A peer as a process, which says its port. */
export interface Bare {
  port: number;
  pid: number;
  close(): Promise<void>;
}

/** Starts a peer (`children/`). */
export async function startBare(script: string, given?: object): Promise<Bare> {
  const child = fork(path.join(CHILDREN, script), given === undefined ? [] : [JSON.stringify(given)]);
  const [port] = (await once(child, "message")) as [number];
  return {
    port,
    pid: child.pid ?? 0,
    close: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
