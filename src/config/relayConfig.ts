import { type RateLimit, readRateLimit } from "../core/settings/rateLimit.ts";

/** Limits of an Update Agent. Sizes in bytes, times in ms. */
export interface RelayConfig {
  /** Objects that are sent at the same time. */
  maxTransfers: number;
  /** The same, to one client: an IPv4 address or an IPv6 /64. */
  maxPerClient: number;
  /** With less free space than this nothing is served and nothing filled. */
  minFree: number;
  /** Bytes a second; a reader that is slower is cut off. */
  minRate: number;
  /** A timestamp that was confirmed longer ago is confirmed anew before it is served. */
  maxStale: number;
  /** How much longer (ms) than its bytes need a publication may take to be fetched, before older ones are not answered for. */
  maxLag: number;
  /** For all objects together. */
  rateLimit?: RateLimit | undefined;
  /** PEM files. */
  tls?: { cert: string; key: string } | undefined;
}

/** The section as an administrator may write it. */
export type WrittenRelay = Partial<Omit<RelayConfig, "rateLimit">> & { rateLimit?: unknown };

/** The section with its defaults; `from` makes a path absolute. */
export function completeRelay(written: WrittenRelay, from: (file: string) => string): RelayConfig {
  const { tls } = written;
  return {
    maxTransfers: written.maxTransfers ?? 250,
    maxPerClient: written.maxPerClient ?? 10,
    minFree: written.minFree ?? 300_000_000,
    minRate: written.minRate ?? 4_096,
    maxStale: written.maxStale ?? 60_000,
    maxLag: written.maxLag ?? 3_600_000,
    rateLimit: readRateLimit("relay.rateLimit", written.rateLimit),
    tls: tls === undefined ? undefined : { cert: from(tls.cert), key: from(tls.key) },
  };
}
