import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { replyTo, startSource, type TestSource } from "./source.ts";

/** An honest source behind a link that all its answers share, byte for byte. */
export interface ThinSource extends TestSource {
  /** Bytes of bodies that have crossed the link. */
  crossed(): number;
  /** Makes the link this wide from now on, in bytes a second. */
  widen(rate: number): void;
}

/** Bytes that cross in one go. */
const PACKET = 4_096;

/** @param width bytes a second, of all answers together */
export async function startThinSource(root: string, width = Number.POSITIVE_INFINITY): Promise<ThinSource> {
  let rate = width;
  let crossed = 0;
  let free = performance.now();
  /** Waits until the link has carried so many bytes more. */
  const carry = async (bytes: number) => {
    free = Math.max(free, performance.now()) + (bytes * 1_000) / rate;
    const wait = free - performance.now();
    if (wait > 0) await sleep(wait);
    crossed += bytes;
  };
  const send = async (response: ServerResponse, body: Buffer) => {
    for (let at = 0; at < body.length && !response.destroyed; at += PACKET) {
      const packet = body.subarray(at, at + PACKET);
      await carry(packet.length);
      response.write(packet);
    }
    response.end();
  };
  const source = await startSource(root, {
    answer: async ({ url = "", headers }, response) => {
      const asked = { path: url, range: headers.range, ifNoneMatch: headers["if-none-match"] };
      const reply = await replyTo(source.root, { ranges: true, etags: true }, asked);
      response.writeHead(reply.status, reply.headers).flushHeaders();
      await send(response, reply.body);
      return true;
    },
  });
  const widen = (wanted: number) => {
    rate = wanted;
  };
  return Object.assign(source, { crossed: () => crossed, widen });
}
