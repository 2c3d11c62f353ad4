import { parseAddress, privacyOf } from "../core/address.ts";
import { NearsourceError } from "../errors.ts";
import type { Refusal } from "./redirect.ts";

/** What this machine serves agents on. */
export interface Self {
  port: number;
  /** Its addresses, as they are at this moment. */
  addresses(): string[];
}

/**
 * Refuses to connect to this machine at the port that it serves agents on, whatever name led there: an
 * Update Agent that asks itself takes what it holds for what is current.
 */
export function refuseSelf(url: URL, self: Self | undefined): Refusal[] {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  if (self?.port !== port) return [];
  const own = new Set(self.addresses().map((each) => parseAddress(each.replace(/%.*$/, "")).hex));
  return [
    (address, host) => {
      if (!own.has(address.hex) && privacyOf(address) < 3) return undefined;
      return new NearsourceError(
        "SOURCE_IS_SELF",
        `${host} is this very machine, at the port that it serves on`,
        {
          hint: "nothing need be done; an Update Agent may stand in a list that it follows itself",
        },
      );
    },
  ];
}
