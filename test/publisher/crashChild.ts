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

const options = { ...JSON.parse(json), onFile };
if (operation === "init") await initRepository(options);
else if (operation === "add") await addRelease(options);
else if (operation === "root") await publishRoot(options);
else throw new Error(`unknown operation ${operation}`);
process.stdout.write(`${files}`);
