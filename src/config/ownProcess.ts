import { type ChildProcess, spawn } from "node:child_process";
import { isSea } from "node:sea";

/** This program again, with other arguments: from a checkout, from the bundle, and as one executable. */
export function startOwn(args: string[]): ChildProcess {
  const own = isSea() ? args : [...process.execArgv, process.argv[1] ?? "", ...args];
  // Messages of the service manager to this process are not for others.
  const { NOTIFY_SOCKET: _, WATCHDOG_USEC: __, WATCHDOG_PID: ___, ...env } = process.env;
  return spawn(process.execPath, own, { stdio: ["pipe", "pipe", "inherit"], env });
}
