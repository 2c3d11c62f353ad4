/**
 * An agent that fetches a new secret, to be killed: reports once, and dies by SIGKILL at the n-th call that changes the
 * disk; or lives, and says how many there were. Arguments: its data directory, its URL at the server, and n.
 */
import { tapFileSystem } from "../../crash/fsTap.ts";

const [dataDir = "", home = "", killAt = "0"] = process.argv.slice(2);
let calls = 0;
tapFileSystem(() => {
  if (++calls === Number(killAt)) process.kill(process.pid, "SIGKILL");
});

async function poll(): Promise<void> {
  const [{ SILENT }, { OwnExchange }, { createExchange }, { createResolver, toLookup }] = await Promise.all([
    import("../../../src/config/log.ts"),
    import("../../../src/agent/channels/ownExchange.ts"),
    import("../../../src/http/smallClient.ts"),
    import("../../../src/dns/resolver.ts"),
  ]);
  const open = createExchange(toLookup(createResolver({})));
  const exchange = await new OwnExchange({
    exchange: open,
    dataDir,
    home,
    log: SILENT,
    onDomain: () => {},
  }).open();
  const request = {
    method: "GET",
    url: `${home}/notifications?settings=0`,
    timeout: 30_000,
    limit: 65_536,
  } as const;
  const { status } = await exchange.send({ ...request, signal: new AbortController().signal });
  await exchange.settled();
  exchange.close();
  process.stdout.write(`${calls} ${status}\n`);
}

void poll();
