/**
 * Run by bench/components.ts: an Update Agent that learns the newest publication, fetches all of it, and
 * ends.
 */
import { randomUUID } from "node:crypto";
import { readConfig } from "../../src/config/config.ts";
import { SILENT } from "../../src/config/log.ts";
import { keepLittleMemory } from "../../src/relay/processMemory.ts";
import { startRelay } from "../../src/relay/relay.ts";

const config = await readConfig(process.argv[2] ?? "", {});
keepLittleMemory();
const relay = await startRelay({ config, agentId: randomUUID(), kinds: ["components"], log: SILENT });
await relay.refresh();
const { held, missing } = relay.health();
if (missing > 0 || held === 0) throw new Error(`${held} objects are held, and ${missing} are missing`);
await relay.close();
