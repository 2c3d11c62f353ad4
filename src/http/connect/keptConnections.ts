import type http from "node:http";

/**
 * Longest idle time (ms) of a connection that is used again: a NAT or firewall between forgets it at some
 * time.
 */
const IDLE = 4_000;

/**
 * Makes an agent close each connection that nobody used for `IDLE`; while it is used, others judge its
 * silence.
 */
export function forgetIdle<Agent extends http.Agent>(agent: Agent): Agent {
  // The agent's own listener comes first; Node has read the header of a server that closes earlier.
  agent.on("free", (socket) => socket.setTimeout(Math.min(socket.timeout || IDLE, IDLE)));
  return agent;
}

/** Closes the connections of an agent that nobody uses. */
export function closeIdle({ freeSockets }: http.Agent): void {
  for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
}
