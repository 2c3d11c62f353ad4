/** First sources that fail, each in its way, in front of the files that a good one has too. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { startRawServer } from "../test/support/rawServer.ts";
import { startSource } from "../test/support/source.ts";
import { freePort, isPayload } from "./nginx.ts";

export interface DeadSource {
  url: string;
  close: () => Promise<void>;
}

/** The files of a dead source: `payload` in place of the file, everything else from `www`, honestly. */
export interface Served {
  www: string;
  payload: Buffer;
}

/** An address of its own: apt takes a host that refused at one port for dead at all of them. */
const HOST = "127.0.0.2";

/** A kind of dead source. */
export interface Dead {
  name: string;
  /** It is only given up after a time-out. */
  slow: boolean;
  start: (served: Served) => Promise<DeadSource>;
}

export const DEAD: Dead[] = [
  { name: "refused", slow: false, start: startRefusing },
  {
    name: "never answers",
    slow: true,
    start: () => startRawServer({ host: HOST, onConnection: () => true }),
  },
  { name: "stalls half way", slow: true, start: (served) => startHalf(served, () => {}) },
  { name: "trickles after half", slow: true, start: (served) => startHalf(served, trickle) },
  {
    name: "corrupt after half",
    slow: false,
    start: (served) => startHalf(served, (response, rest) => response.end(rest.map((byte) => byte ^ 0xff))),
  },
];

async function startRefusing(): Promise<DeadSource> {
  return { url: `http://${HOST}:${await freePort(HOST)}`, close: async () => {} };
}

/** Sends the first half of the payload, and leaves the rest to `then`. */
async function startHalf(
  { www, payload }: Served,
  then: (response: ServerResponse, rest: Buffer) => void,
): Promise<DeadSource> {
  return await startSource(www, {
    host: HOST,
    answer: async (request, response) => {
      if (!isPayload(request.url ?? "")) return false;
      const [, first = "0", last = ""] = request.headers.range?.match(/^bytes=(\d+)-(\d*)$/) ?? [];
      const [start, end] = [Number(first), last === "" ? payload.length : Number(last) + 1];
      response.writeHead(request.headers.range === undefined ? 200 : 206, {
        "accept-ranges": "bytes",
        "content-length": end - start,
        ...(request.headers.range === undefined
          ? {}
          : { "content-range": `bytes ${start}-${end - 1}/${payload.length}` }),
      });
      const half = Math.max(start, payload.length / 2);
      if (!response.write(payload.subarray(start, Math.min(half, end)))) {
        await Promise.race([once(response, "drain"), once(response, "close")]);
      }
      if (end > half) then(response, payload.subarray(half, end));
      else response.end();
      return true;
    },
  });
}

/** Five bytes a second. */
function trickle(response: ServerResponse, rest: Buffer): void {
  let sent = 0;
  const timer = setInterval(() => response.write(rest.subarray(sent, ++sent)), 200);
  response.once("close", () => clearInterval(timer));
}
