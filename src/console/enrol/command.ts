/**
 * The command that makes an agent of a machine.
 *
 * @param page address of this page: the server is reached by the same name
 * @param agents the port that agents come in at, and whether by TLS
 */
export function commandOf(
  token: string,
  page: Pick<URL, "hostname">,
  agents: { port: number; tls: boolean },
): string {
  const scheme = agents.tls ? "https" : "http";
  return `nearsource enrol --server ${scheme}://${page.hostname}:${agents.port} --token ${token}`;
}
