import { promises as fs } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleOf } from "../support/extent.ts";
import { honestly, type RawAnswer, startRawServer, writeForEver } from "../support/rawServer.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { expectInstalled, LARGE, makeAgent, makeWorld, objectOf, type World } from "../support/world.ts";
import { start } from "./commandLine.ts";
import { head } from "./faults/meet.ts";

let world: World;
let good: TestSource;
/** Peak of a run from an honest source, in KiB. */
let usual: number;
beforeAll(async () => {
  world = await makeWorld({ large: true });
  good = await startSource(world.www(2));
  usual = await peak({ good: good.url });
});
afterAll(async () => {
  await good.close();
  await world.remove();
});

/**
 * Memory that a fault may cost beyond that (KiB), garbage of the engine's included; the bodies have no end.
 */
const MORE = 128 * 1_024;

/** Leaves the most memory that the program ever had (KiB; getrusage(2)) where it is told to. */
const PRELOAD = `data:text/javascript,${encodeURIComponent(`
  import { writeFileSync } from "node:fs";
  process.on("exit", () => writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS)));
`)}`;

/** Runs an update by the real program, which delivers; the most memory it ever had, in KiB. */
async function peak(sources: Record<string, string>): Promise<number> {
  const http = { responseTimeout: 2_000, stallTimeout: 2_000 };
  const components: ("rules" | "pattern")[] = ["rules", "pattern"];
  const agent = await makeAgent(world, { sources, components, config: { http } });
  const file = path.join(agent.folder, "..", `${path.basename(agent.folder)}.peak`);
  const args = ["update", "--config", agent.configFile];
  const ended = await start(args, { NODE_OPTIONS: `--import "${PRELOAD}"`, PEAK_FILE: file }).ended;
  expect(ended.code, ended.stderr + ended.stdout).toBe(0);
  await expectInstalled(agent, 2, components);
  return Number(await fs.readFile(file, "utf8"));
}

const BOMB = gzipSync(Buffer.alloc(1 << 28));
const MEGABYTE = Buffer.alloc(1 << 20, "x");
const flood = (start: string, piece: string | Buffer = MEGABYTE): RawAnswer => {
  return (socket) => {
    socket.write(start);
    return writeForEver(socket, () => piece, 0);
  };
};

const chunked = head(200, "transfer-encoding: chunked");
const faults: [what: string, on: "all" | "object" | "small object" | "timestamp", answer: RawAnswer][] = [
  ["a body without end for an object", "object", flood(head(200))],
  ["a body without end for the timestamp", "timestamp", flood(head(200))],
  ["a body of 8 PiB for the timestamp", "timestamp", flood(head(200, "content-length: 9007199254740991"))],
  [
    "chunks without end for an object",
    "object",
    flood(chunked, Buffer.concat([Buffer.from("100000\r\n"), MEGABYTE, Buffer.from("\r\n")])),
  ],
  ["chunks of a byte without end for an object", "small object", flood(chunked, "1\r\nx\r\n".repeat(10_000))],
  ["an extension of a chunk without end", "object", flood(`${chunked}10;`)],
  ["a header without end", "all", flood("HTTP/1.1 200 OK\r\nx-bomb: ")],
  ["headers without end", "all", flood("HTTP/1.1 200 OK\r\n", "x-more: yes\r\n".repeat(50_000))],
  ["interim answers without end", "all", flood("", head(103, "link: </a>").repeat(10_000))],
  ["trailers without end", "object", flood(`${chunked}0\r\n`, "x-more: yes\r\n".repeat(50_000))],
  ["an error page without end", "all", flood(head(404))],
  ["a redirect page without end", "object", flood(head(302, "location: /else"))],
  [
    "a gzip bomb of 256 MiB",
    "object",
    (socket) => {
      socket.write(head(200, "content-encoding: gzip"));
      socket.end(BOMB);
    },
  ],
  [
    "lies about every byte of an object",
    "object",
    (socket) => {
      socket.write(head(200, `content-length: ${LARGE}`));
      socket.write(Buffer.alloc(LARGE));
    },
  ],
];

test.for(sampleOf(faults, 2))(
  "a source that sends %s costs no memory worth mentioning",
  async ([, on, answer]) => {
    const honest = honestly(world.www(2));
    const meant = {
      all: "",
      object: objectOf(2, "pattern"),
      "small object": objectOf(2, "rules"),
      timestamp: "timestamp.json",
    }[on];
    const server = await startRawServer({
      answer: (socket, request) => (request.path.endsWith(meant) ? answer : honest)(socket, request),
    });
    const most = await peak({ faulty: server.url, good: good.url });
    await server.close();
    expect(most).toBeGreaterThan(20 * 1_024);
    expect(most).toBeLessThan(usual + MORE);
  },
);
