/** The port that agents come in at, unless the server says another. */
const AGENTS_PORT = 21_111;

/**
 * The command that makes an agent of a machine.
 *
 * @param page address of this page, which the server is reached at
 */
export function commandOf(token: string, page: Pick<URL, "protocol" | "hostname">): string {
  return `nearsource enrol --server ${page.protocol}//${page.hostname}:${AGENTS_PORT} --token ${token}`;
}
