import path from "node:path";

/** The port of an agent: notifications, and the tree of an Update Agent. */
export const AGENT_PORT = 21_112;

/** The port at which an agent reports its health to monitors. */
export const MONITOR_PORT = 21_113;

/** Path of the configuration: `--config`, then `NEARSOURCE_CONFIG`, then the platform's place. */
export function configPath(given: string | undefined, env: NodeJS.ProcessEnv): string {
  if (given !== undefined) return path.resolve(given);
  if (env.NEARSOURCE_CONFIG) return path.resolve(env.NEARSOURCE_CONFIG);
  return path.join(placeOf(env, "/etc/nearsource"), "config.json");
}

/** The data directory that a configuration names, which may be of any shape yet. */
export function dataDirOf(written: { dataDir?: unknown }, file: string, env: NodeJS.ProcessEnv): string {
  const { dataDir } = written;
  if (typeof dataDir !== "string") return path.join(placeOf(env, "/var/lib/nearsource"), "data");
  return path.resolve(path.dirname(file), dataDir);
}

/** The platform's place for a service's files. */
export function placeOf(env: NodeJS.ProcessEnv, unix: string): string {
  if (process.platform === "win32") return path.join(env.ProgramData ?? "C:\\ProgramData", "nearsource");
  return process.platform === "darwin" ? "/Library/Application Support/nearsource" : unix;
}
