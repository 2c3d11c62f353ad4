import { type Address, formatAddress, parseAddress, privacyOf } from "../../order/address.ts";

/** Addresses of one agent that are tried. */
const MOST = 4;

/**
 * The addresses at which an agent is told, of those that it says it has. What it says is not believed so far
 * that the server asks itself or its own link: such addresses count only where the agent's own requests come
 * from one like that.
 *
 * @param seenAt the address that its last request came from; null for none yet
 */
export function pushAddresses(claimed: readonly string[], seenAt: string | null): string[] {
  const most = Math.max(1, ...readAll(seenAt === null ? [] : [seenAt]).map(privacyOf));
  const usable = readAll(claimed).filter((address) => isOfOneMachine(address) && privacyOf(address) <= most);
  return [...new Set(usable.map(formatAddress))].slice(0, MOST);
}

function readAll(texts: readonly string[]): Address[] {
  return texts.flatMap((text) => {
    try {
      return [parseAddress(text)];
    } catch {
      return [];
    }
  });
}

/** Neither unspecified nor a multicast or broadcast address. */
function isOfOneMachine({ family, hex }: Address): boolean {
  if (/^0+$/.test(hex)) return false;
  return family === 4 ? hex < "e0000000" && !hex.startsWith("00") : !hex.startsWith("ff");
}
