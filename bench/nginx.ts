import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The requests to nginx and the bytes it sent, heads included. */
export interface Served {
  requests: number;
  received: number;
  sent: number;
  /** Bytes of the bodies of files that are `isPayload`. */
  payload: number;
}

export interface Nginx {
  url: string;
  /** The process that does the work. */
  worker: () => Promise<number>;
  /** The requests and bytes since the last call. */
  served: () => Promise<Served>;
  close: () => Promise<void>;
}

/**
 * Serves `root` on loopback by the web server that a site would really put in front of its content.
 *
 * @param counts whether requests are counted, which costs it a line of its log each
 */
export async function startNginx(
  folder: string,
  root: string,
  { counts = true }: { counts?: boolean } = {},
): Promise<Nginx> {
  const port = await freePort();
  const log = path.join(folder, "access.log");
  const user = process.getuid?.() === 0 ? "user root;" : "";
  await fs.writeFile(log, "");
  await fs.writeFile(
    path.join(folder, "nginx.conf"),
    `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; worker_processes 1; ${user}
worker_rlimit_nofile 20000;
events { worker_connections 16000; }
http {
  log_format counts '$request_length $bytes_sent $body_bytes_sent $status $uri';
  access_log ${counts ? `${log} counts` : "off"};
  sendfile on;
  server { listen 127.0.0.1:${port}; root ${root}; }
}`,
  );
  const child = spawn("nginx", ["-c", path.join(folder, "nginx.conf")], {
    stdio: "ignore",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  const stop = () => child.kill();
  process.once("exit", stop);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await listening(port, () => child.exitCode !== null, path.join(folder, "nginx.log"));
  let seen = 0;
  return {
    url: `http://127.0.0.1:${port}`,
    worker: async () =>
      Number((await fs.readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")).trim()),
    served: async () => {
      // A line is written once the answer is out, which may be after the client has gone.
      await delay(100);
      const lines = (await fs.readFile(log, "utf8")).trim().split("\n").slice(seen).filter(Boolean);
      seen += lines.length;
      return lines.map(readLine).reduce(add, { requests: 0, received: 0, sent: 0, payload: 0 });
    },
    close: async () => {
      process.off("exit", stop);
      stop();
      await ended;
    },
  };
}

/** Whether this is the file itself, and not its description: an object, a package, or `big.dat`. */
export function isPayload(uri: string): boolean {
  return /\/objects\/|\.deb$|\/big\.dat$/.test(uri);
}

function readLine(line: string): Served {
  const [received = 0, sent = 0, body = 0] = line.split(" ").map(Number);
  return { requests: 1, received, sent, payload: isPayload(line) ? body : 0 };
}

function add(a: Served, b: Served): Served {
  return {
    requests: a.requests + b.requests,
    received: a.received + b.received,
    sent: a.sent + b.sent,
    payload: a.payload + b.payload,
  };
}

/** A port that nothing listens on now. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number, gone: () => boolean, log: string): Promise<void> {
  while (!(await answers(port))) {
    if (gone()) throw new Error(`nginx did not start: ${await fs.readFile(log, "utf8")}`);
    await delay(20);
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
