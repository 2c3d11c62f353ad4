import { existsSync } from "node:fs";
import path from "node:path";
import type { Config } from "./config.ts";
import { refuseUnsafe } from "./safePath.ts";

/** Programs that run the file they are given first; what they run is then the hook's program. */
const INTERPRETER = /^(?:(?:ba|da|k|z|a)?sh|python[\d.]*|perl|ruby|node|php|pwsh)$/;

/**
 * Refuses a configuration which names a file that is believed, or run, and that another account can
 * write (`refuseUnsafe`). Its own file has been looked at before it was read.
 *
 * @throws NearsourceError FILE_UNSAFE, naming the key, the file and its mode
 */
export function refuseUnsafeFiles(config: Config, env: NodeJS.ProcessEnv): void {
  const { roots, http, sourceList, policy, notify, relay, hooks } = config;
  const refuse = (key: string, file: string | undefined, secret = false) => {
    if (file !== undefined) refuseUnsafe(file, `"${key}" of the configuration:`, { secret });
  };
  refuse("roots.content", roots.content);
  refuse("roots.settings", roots.settings);
  refuse("http.ca", http.ca);
  refuse("sourceList", sourceList);
  refuse("policy", policy);
  refuse("notify.mqtt.ca", notify.mqtt?.ca);
  refuse("notify.mqtt.passwordFile", notify.mqtt?.passwordFile, true);
  refuse("relay.tls.cert", relay.tls?.cert);
  refuse("relay.tls.key", relay.tls?.key, true);
  for (const program of programsOf(hooks.afterUpdate ?? [], config, env))
    refuse("hooks.afterUpdate", program);
}

/** The files that a command runs: its program, and the script of one that is an interpreter. */
function programsOf(
  [command, ...parameters]: string[],
  { file, dataDir }: Config,
  env: NodeJS.ProcessEnv,
): string[] {
  if (command === undefined) return [];
  const beside = (name: string) => path.resolve(path.dirname(file), name);
  const program = command.includes(path.sep) ? beside(command) : foundInPath(command, env);
  const first = parameters.find((each) => !each.startsWith("-"));
  // The hook's folder is the data directory.
  const script = INTERPRETER.test(path.basename(command)) && first ? path.resolve(dataDir, first) : undefined;
  return [program, script].filter((each) => each !== undefined && existsSync(each)) as string[];
}

function foundInPath(command: string, { PATH = "" }: NodeJS.ProcessEnv): string | undefined {
  const places = PATH.split(path.delimiter).map((folder) => path.resolve(folder, command));
  return places.find((place) => existsSync(place));
}
