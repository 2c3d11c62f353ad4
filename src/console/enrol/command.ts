/** Place that agents come in at; without a host, by the name that this page came by. */
interface AgentsPlace {
  host: string | null;
  port: number;
  tls: boolean;
}

/**
 * The command that makes an agent of a machine.
 *
 * @param page address of this page
 */
export function commandOf(
  token: string,
  page: Pick<URL, "hostname">,
  { host, port, tls }: AgentsPlace,
): string {
  return `nearsource enrol --server ${tls ? "https" : "http"}://${host ?? page.hostname}:${port} --token ${token}`;
}

/** Commands for afterwards, on the same machine. */
export const AFTERWARDS = "nearsource update\nnearsource agent";

/** A host by which no other machine reaches this one. */
export function isOfThisMachine(host: string): boolean {
  return /^(?:localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/i.test(host);
}
