/**
 * Lets the work go on where the process would end by itself: output that cannot be shown, and a terminal that
 * went away, change nothing about a command's work or its exit code.
 */
export function keepGoing(): void {
  const warned = new Set<string>();
  for (const name of ["stdout", "stderr"] as const) {
    process[name].on("error", ({ code, message }: NodeJS.ErrnoException) => {
      // The reader of our output has gone, as `| head` does.
      if (code === "EPIPE" || warned.has(name)) return;
      warned.add(name);
      if (name === "stdout") {
        process.stderr.write(`nearsource: warning: stdout cannot be written: ${message}; the work goes on\n`);
      }
    });
  }
  if (process.platform === "win32") return;
  // The terminal was closed. The resident agent takes this signal for its own.
  process.on("SIGHUP", () => {});
  // A file that grows over its limit is an error of that write (EFBIG). A dependency of conf would end the
  // process at this signal, if it were the only one to listen.
  process.on("SIGXFSZ", () => {});
}
