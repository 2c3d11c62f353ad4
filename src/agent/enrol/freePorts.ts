import { createServer } from "node:net";
import { AGENT_PORT } from "../../config/configPath.ts";

/** Agents of one machine that are looked for, each ten ports after the other. */
const STEP = 10;
const MOST = 100;

/**
 * The first port, from the usual one on, that is free together with the one after it, where an agent reports its health;
 * the usual one where none is.
 */
export async function freePorts(): Promise<number> {
  for (let port = AGENT_PORT; port < AGENT_PORT + STEP * MOST; port += STEP) {
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
  return AGENT_PORT;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((found) => {
    server.once("error", () => found(false));
    server.listen(port, () => server.close(() => found(true)));
  });
}
