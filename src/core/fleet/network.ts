import { type Address, formatAddress } from "../order/address.ts";

/** Hex digits that a network's addresses have in common: of a /24 and a /64. */
const COMMON = { 4: 6, 6: 16 };

/** The network of an address as a short text, for maps. */
export function networkKey({ family, hex }: Address): string {
  return `${family}.${hex.slice(0, COMMON[family])}`;
}

/** The network of an address: a /24 of IPv4, a /64 of IPv6. */
export function networkOf({ family, hex }: Address): string {
  const first = { family, hex: hex.slice(0, COMMON[family]).padEnd(hex.length, "0") };
  return `${formatAddress(first)}/${family === 4 ? 24 : 64}`;
}
