import net from "node:net";

/**
 * Readers of one file, as a process of its own: each asks for it again and again on a connection of its
 * own, for so long, and as fast as it may.
 *
 *     node readers.ts '{ "port": …, "path": …, "readers": …, "seconds": …, "rate": …, "spread": … }'
 */
interface Load {
  port: number;
  path: string;
  readers: number;
  seconds: number;
  /** Bytes a second each; none for all it can. */
  rate?: number;
  /** Bytes over which the readers begin, evenly. */
  spread?: number;
}

const load: Load = JSON.parse(process.argv[2] ?? "");
const received = new Array<number>(load.readers).fill(0);
const sockets: net.Socket[] = [];
let connected = 0;
let measuring = false;

for (let index = 0; index < load.readers; index++) start(index);

function start(index: number): void {
  const first = Math.floor(((load.spread ?? 0) / load.readers) * index);
  const request = `GET ${load.path} HTTP/1.1\r\nHost: a\r\nRange: bytes=${first}-\r\nConnection: close\r\n\r\n`;
  // One buffer for all of a reader's reads: the bytes are only counted.
  const buffer = Buffer.allocUnsafe(65_536);
  const began = performance.now();
  let total = 0;
  const socket = net.connect({
    port: load.port,
    host: "127.0.0.1",
    onread: {
      buffer,
      callback: (length) => {
        if (measuring) received[index] = (received[index] ?? 0) + length;
        total += length;
        const ahead = load.rate === undefined ? 0 : (total / load.rate) * 1_000 - (performance.now() - began);
        if (ahead < 20) return true;
        setTimeout(() => socket.resume(), ahead);
        return false;
      },
    },
  });
  sockets[index] = socket;
  socket.on("error", () => {});
  socket.once("connect", () => {
    socket.write(request);
    if (++connected === load.readers) measure();
  });
  socket.once("close", () => start(index));
}

function measure(): void {
  measuring = true;
  const began = performance.now();
  setTimeout(() => {
    const seconds = (performance.now() - began) / 1_000;
    const text = JSON.stringify({ seconds, received });
    process.stdout.write(text, () => process.exit());
  }, load.seconds * 1_000);
}
