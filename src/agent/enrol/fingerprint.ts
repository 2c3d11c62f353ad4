import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { sha256 } from "../../store/sha256.ts";

/** Files in which Linux and the BSDs keep a machine's id (machine-id(5)). */
const PLACES = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"];

/**
 * What tells this machine from others for as long as it is installed: a hash of the system's own id for it,
 * which itself is nobody else's to know (machine-id(5)); of its name where the system has none.
 */
export function machineFingerprint(places: readonly string[] = PLACES): string {
  for (const place of places) {
    const id = read(place);
    if (id !== "") return sha256(Buffer.from(`nearsource ${id}`));
  }
  return sha256(Buffer.from(`nearsource name ${hostname()}`));
}

function read(place: string): string {
  try {
    return readFileSync(place, "utf8").trim();
  } catch {
    return "";
  }
}
