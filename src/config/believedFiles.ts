import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { refuseUnsafe } from "../store/safePath.ts";
import type { Config } from "./configSchema.ts";

/** Programs that run the file given first: that file is then the hook's program. */
const INTERPRETER = /^(?:(?:ba|da|k|z|a)?sh|python[\d.]*|perl|ruby|node|php|pwsh)$/;

/** Programs that run another, which stands somewhere among their arguments. */
const WRAPPER =
  /^(?:env|nice|ionice|nohup|timeout|time|setsid|stdbuf|chrt|taskset|setpriv|runuser|su|sudo|doas|chroot|unshare|nsenter|flock|xargs|busybox|systemd-run|systemd-cat|strace)$/;

/**
 * Refuses a configuration which names a file that is believed, or run, and that another account can
 * write (`refuseUnsafe`). Its own file has been looked at before it was read.
 *
 * @throws NearsourceError FILE_UNSAFE, naming the key, the file and its mode
 */
export function refuseUnsafeFiles(config: Config, env: NodeJS.ProcessEnv): void {
  const [first] = findUnsafeFiles(config, env);
  if (first !== undefined) throw first.error;
}

/** A key whose file another account can write, and the error that says so. */
export interface UnsafeFile {
  key: string;
  error: unknown;
}

/** Every file for which `refuseUnsafeFiles` would refuse a configuration. */
export function findUnsafeFiles(config: Config, env: NodeJS.ProcessEnv): UnsafeFile[] {
  const { roots, http, sourceList, policy, notify, relay, hooks } = config;
  const found: UnsafeFile[] = [];
  const look = (key: string, file: string | undefined, secret = false) => {
    try {
      if (file !== undefined) refuseUnsafe(file, `"${key}" of the configuration:`, { secret });
    } catch (error) {
      found.push({ key, error });
    }
  };
  look("roots.content", roots.content);
  look("roots.settings", roots.settings);
  look("http.ca", http.ca);
  look("sourceList", sourceList);
  look("policy", policy);
  look("notify.mqtt.ca", notify.mqtt?.ca);
  look("notify.mqtt.passwordFile", notify.mqtt?.passwordFile, true);
  look("relay.tls.cert", relay.tls?.cert);
  look("relay.tls.key", relay.tls?.key, true);
  for (const program of programsOf(hooks.afterUpdate ?? [], config, env)) look("hooks.afterUpdate", program);
  return found;
}

/**
 * The files that a command runs: its program, the script of an interpreter, and the program that a wrapper
 * runs.
 */
function programsOf(
  [command, ...parameters]: string[],
  { file, dataDir }: Config,
  env: NodeJS.ProcessEnv,
): string[] {
  if (command === undefined) return [];
  const beside = (name: string) => path.resolve(path.dirname(file), name);
  const program = command.includes(path.sep) ? beside(command) : foundInPath(command, env);
  const name = path.basename(command);
  const plain = parameters.filter((each) => !each.startsWith("-"));
  const run = WRAPPER.test(name) ? plain : INTERPRETER.test(name) ? plain.slice(0, 1) : [];
  // The hook's folder is the data directory.
  const places = [program, ...run.map((each) => path.resolve(dataDir, each))];
  return places.filter((each) => each !== undefined && isFile(each)) as string[];
}

function isFile(place: string): boolean {
  return statSync(place, { throwIfNoEntry: false })?.isFile() === true;
}

/** Path of a command without a folder, as the system looks for it. */
export function foundInPath(command: string, { PATH = "" }: NodeJS.ProcessEnv): string | undefined {
  const places = PATH.split(path.delimiter).map((folder) => path.resolve(folder, command));
  return places.find((place) => existsSync(place));
}
