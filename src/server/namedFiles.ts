import path from "node:path";
import { foundInPath } from "../config/believedFiles.ts";
import { refuseUnsafe } from "../store/safePath.ts";
import { type ServerConfig, serverConfigFile } from "./serverConfig.ts";

/** Keys of `server.json` that name files of which nobody else may know the content, or which nobody else may write. */
function filesOf(config: ServerConfig): { key: string; file: string | undefined; secret: boolean }[] {
  const { console, agents, mqtt, openId, http, roots } = config;
  return [
    { key: "mqtt.passwordFile", file: mqtt?.passwordFile, secret: true },
    { key: "openId.clientSecretFile", file: openId?.clientSecretFile, secret: true },
    { key: "console.tls.key", file: console.tls?.key, secret: true },
    { key: "agents.tls.key", file: agents.tls?.key, secret: true },
    { key: "console.tls.cert", file: console.tls?.cert, secret: false },
    { key: "agents.tls.cert", file: agents.tls?.cert, secret: false },
    { key: "mqtt.ca", file: mqtt?.ca, secret: false },
    { key: "http.ca", file: http.ca, secret: false },
    { key: "roots.content", file: roots.content, secret: false },
  ];
}

/**
 * Refuses to start with a `server.json`, or a file that it names, that others can write, and with a secret that others can
 * read. With a password in the database's address `server.json` is one of those.
 *
 * @throws NearsourceError FILE_UNSAFE, naming the key, the file and its mode
 */
export function refuseUnsafeNamedFiles(config: ServerConfig, env: NodeJS.ProcessEnv): void {
  const hasPassword = /^[a-z]+:\/\/[^/@]*:[^/@]+@|[?&]password=/i.test(config.database);
  const what = hasPassword ? "the configuration, which has the database's password," : "the configuration";
  refuseUnsafe(serverConfigFile(config.dir), what, { secret: hasPassword });
  for (const { key, file, secret } of filesOf(config)) {
    if (file !== undefined)
      refuseUnsafe(path.resolve(config.dir, file), `"${key}" of server.json:`, { secret });
  }
  const [program] = config.publish?.command ?? [];
  if (program === undefined) return;
  const found = program.includes(path.sep) ? path.resolve(config.dir, program) : foundInPath(program, env);
  if (found !== undefined) refuseUnsafe(found, '"publish.command" of server.json:');
}
