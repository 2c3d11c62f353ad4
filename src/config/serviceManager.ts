import { spawn } from "node:child_process";

/** What systemd is told about a service (sd_notify(3)). */
export type ServiceState = "READY=1" | "RELOADING=1" | "STOPPING=1" | "WATCHDOG=1";

/**
 * Tells systemd, where it asked to be told. Node has no datagram sockets of the UNIX family, so the
 * `systemd-notify` command says it, which is there wherever systemd is; the unit has to allow that with
 * `NotifyAccess=all`. Resolves when it is said, or could not be.
 *
 * @param status a line for `systemctl status`
 */
export async function tellServiceManager(state: ServiceState, status?: string): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return;
  const since = state === "RELOADING=1" ? [`MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`] : [];
  const said = status === undefined ? [] : [`STATUS=${status}`];
  const child = spawn("systemd-notify", [`--pid=${process.pid}`, state, ...since, ...said], {
    stdio: "ignore",
  });
  await new Promise((done) => child.on("close", done).on("error", done));
}

/** How often (ms) systemd wants a sign of life, at half of what it waits for; undefined when it does not. */
export function watchdogInterval(env: NodeJS.ProcessEnv): number | undefined {
  const limit = Number(env.WATCHDOG_USEC);
  if (!env.NOTIFY_SOCKET || !(limit > 0)) return undefined;
  return Math.max(Math.floor(limit / 2_000), 1_000);
}
