import { readFileSync } from "node:fs";
import os from "node:os";
import { namesOfHost } from "../core/order/hostNames.ts";
import { parseSearch, SYSTEM_RESOLV_CONF } from "./systemConfig.ts";

/**
 * The addresses of this machine, those of its loopback included. Where the system does not list its
 * interfaces, as under systemd's `RestrictAddressFamilies=` without AF_NETLINK, they are read from its
 * routes; none when those are hidden too.
 */
export function machineAddresses(procNet = "/proc/net"): string[] {
  try {
    return Object.values(os.networkInterfaces()).flatMap((each) =>
      (each ?? []).map(({ address }) => address),
    );
  } catch {
    return [...fromRoutes(readOr(`${procNet}/fib_trie`)), ...fromInet6(readOr(`${procNet}/if_inet6`))];
  }
}

/** This machine's name in lower case; undefined where it has none, or the system does not say. */
export function machineName(): string | undefined {
  try {
    return os.hostname().toLowerCase() || undefined;
  } catch {
    return undefined;
  }
}

/** The search list of this machine, where it stands in a file. */
export function machineSearch(): string[] {
  return parseSearch(readOr(SYSTEM_RESOLV_CONF));
}

/** The names that this machine goes by, its own first. */
export function machineNames(search = machineSearch()): string[] {
  const name = machineName();
  return name === undefined ? [] : namesOfHost(name, search);
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Local addresses stand in the routing table, in every tree of it, as routes to this very host. */
function fromRoutes(table: string): string[] {
  const found = [...table.matchAll(/\|-- ([\d.]+)\n +\/32 host LOCAL/g)].map(([, address = ""]) => address);
  return [...new Set(found)];
}

/** proc_net(5): the address in 32 hex digits, then index, prefix, scope, flags and interface. */
function fromInet6(table: string): string[] {
  return [...table.matchAll(/^([0-9a-f]{32}) /gm)].map(([, digits = ""]) =>
    (digits.match(/.{4}/g) ?? []).join(":"),
  );
}
