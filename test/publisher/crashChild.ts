import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { publishRoot } from "../../src/publisher/root/publishRoot.ts";

/**
 * A publisher that dies: killed, without a chance to clean up, when its n-th file is in place.
 * Arguments: what to do, its options as JSON, n (0 lets it live), another signal than SIGKILL.
 */
const [operation, json = "{}", count = "0", signal = "SIGKILL"] = process.argv.slice(2);
let files = 0;

function onFile(): void {
  files += 1;
  if (files === Number(count)) process.kill(process.pid, signal);
}

// Not awaited at the top, which CommonJS does not have: in that form it starts in half of the time.
void publish().then(() => process.stdout.write(`${files}`));

async function publish(): Promise<unknown> {
  const options = { ...JSON.parse(json), onFile };
  if (operation === "init") return await initRepository(options);
  if (operation === "add") return await addRelease(options);
  if (operation === "root") return await publishRoot(options);
  throw new Error(`unknown operation ${operation}`);
}
