import type { ListenerOptions } from "../http/server.ts";

/** Address and port of a listener as `server.json` has them, with the key by which another is chosen. */
export function listenerPlace(
  key: "console" | "agents" | "metrics",
  { host, port }: { host: string; port: number },
): Pick<ListenerOptions, "host" | "port" | "named"> {
  const hint = `write another into ${key}.port of server.json, or end the program that has it`;
  return { ...(host === "" ? {} : { host }), port, named: { key: `${key}.port of server.json`, hint } };
}
