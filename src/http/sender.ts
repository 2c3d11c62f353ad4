/**
 * The address that counts as one sender of notifications, and as one client of an Update Agent: an IPv4
 * address, or the /64 of an IPv6 address, all of which one host has.
 *
 * @param address as a socket has it, which is always well-formed
 */
export function senderOf(address: string): string {
  if (address.includes(".")) return address.slice(address.lastIndexOf(":") + 1);
  const [head = [], tail = []] = address.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const zeros: string[] = Array(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
