import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { sha256 } from "../../store/sha256.ts";

/** Files in which Linux and the BSDs keep a machine's id (machine-id(5)). */
const PLACES = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"];

/**
 * Hash that tells this machine from others for as long as it is installed: of the system's own id for it,
 * which itself is nobody else's to know (machine-id(5)); of its name where the system has none.
 *
 * @param dataDir the agent's own, where it is not the platform's: several agents of one machine are then
 *   several agents of the server
 */
export function agentFingerprint(dataDir?: string, places: readonly string[] = PLACES): string {
  const which = dataDir === undefined ? "" : ` ${dataDir}`;
  for (const place of places) {
    const id = read(place);
    if (id !== "") return sha256(Buffer.from(`nearsource ${id}${which}`));
  }
  return sha256(Buffer.from(`nearsource name ${hostname()}${which}`));
}

function read(place: string): string {
  try {
    return readFileSync(place, "utf8").trim();
  } catch {
    return "";
  }
}
