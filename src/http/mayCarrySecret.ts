/** The hosts of this very machine, as they stand in URLs. */
const OWN = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Whether a secret may be sent to a URL: encrypted, or to this very machine.
 *
 * @param insecure the server said that it may travel in the open
 */
export function mayCarrySecret(url: string, insecure = false): boolean {
  const { protocol, hostname } = new URL(url);
  return insecure || protocol === "https:" || OWN.test(hostname);
}
