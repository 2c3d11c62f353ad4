import { isIP } from "node:net";
import type { Config } from "../../config/configSchema.ts";
import { parseAddress, privacyOf } from "../../core/order/address.ts";
import { machineAddresses } from "../../dns/machine.ts";
import { NearsourceError } from "../../errors.ts";
import type { Refusal } from "./redirect.ts";

/**
 * Refuses to connect to this machine where it serves agents itself (`listen`), by any name: an Update Agent
 * that asks itself takes its own copy for the current one.
 */
export function refuseSelf(url: URL, listen: Config["listen"] | undefined): Refusal[] {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  if (listen === undefined || listen.port !== port) return [];
  const isOwn = ownAddresses(listen.host);
  return [
    (address, host) => {
      if (!isOwn(address)) return undefined;
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

/** One address is listened on, or all that the machine has; all of 127.0.0.0/8 is its own, listed or not. */
function ownAddresses(host: string | undefined): (address: { family: 4 | 6; hex: string }) => boolean {
  const isOne = host !== undefined && isIP(host) !== 0 && !/^[0.:]+$/.test(host);
  const own = new Set(
    (isOne ? [host] : machineAddresses()).map((each) => parseAddress(each.replace(/%.*$/, "")).hex),
  );
  return (address) => own.has(address.hex) || (!isOne && privacyOf(address) === 3);
}
