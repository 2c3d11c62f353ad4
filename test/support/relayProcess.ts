import { readConfig } from "../../src/config/config.ts";
import { SILENT } from "../../src/config/log.ts";
import { openListener } from "../../src/http/server.ts";
import { keepLittleMemory } from "../../src/relay/processMemory.ts";
import { startRelay } from "../../src/relay/relay.ts";

/**
 * An Update Agent as a process of its own, without its agent, for tests that kill it and benchmarks that
 * measure it. It refreshes once, says where it listens, and answers `stats`, `refresh` and `close`.
 *
 *     node relayProcess.ts CONFIG [PORT] [lazy]
 */
async function main(): Promise<void> {
  const [, , file = "", port = "0", lazy] = process.argv;
  const config = await readConfig(file, {});
  keepLittleMemory();
  const relay = await startRelay({
    config,
    agentId: `process ${process.pid}`,
    kinds: ["components"],
    log: SILENT,
  });
  if (lazy !== "lazy") await relay.refresh();
  const { tls } = config.relay;
  const listener = await openListener(
    { host: "127.0.0.1", port: Number(port), tls, log: SILENT },
    relay.handle,
  );
  const tell = (message: unknown) => process.send?.(message);
  process.on("message", async (message) => {
    if (message === "refresh") await relay.refresh();
    if (message === "close") {
      await listener.close();
      await relay.close();
    }
    tell({ stats: relay.stats(), rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
    if (message === "close") process.disconnect?.();
  });
  process.once("disconnect", () => process.exit());
  tell({ port: listener.port });
}

main();
