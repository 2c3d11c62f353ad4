import { createSocket } from "node:dgram";
import { promises as fs } from "node:fs";
import path from "node:path";
import { encode, RECURSION_DESIRED } from "dns-packet";
import { type DnsRecord, readAnswer } from "../core/dnsAnswer.ts";
import type { Repository } from "../core/layout.ts";
import { parseVersionRecord, saysNothingNewer } from "../core/versionRecord.ts";
import type { Config } from "../io/config.ts";
import { checkedPath, checkedText, dataDirOf } from "../io/configPath.ts";
import { type DnsServer, parseServer, systemServers } from "../io/dnsConfig.ts";
import type { State } from "../io/state.ts";
import { touch } from "../io/touched.ts";

/** How long (ms) to wait for the answer; the run itself is the other way to know. */
const TIMEOUT = 1_000;

/** Of a configuration, what is looked at here: it counts only where it has passed its schema. */
type Written = Partial<Pick<Config, "dataDir" | "sourceList" | "policy" | "roots">> & {
  dns?: { servers?: string[]; versionRecord?: string };
};

/**
 * Asks DNS for the version record. Nothing is changed but the time of a file that says so.
 *
 * @returns the DNS server that says that nothing is newer than what is held; undefined when a run is
 *   needed to know
 * @throws when something needed for it is missing or damaged, which a run is needed to say
 */
export async function checkVersionRecord(file: string, now: Date): Promise<string | undefined> {
  const text = await fs.readFile(file, "utf8");
  const config = JSON.parse(text) as Written;
  const dataDir = dataDirOf(config, file, process.env);
  const name = config.dns?.versionRecord;
  if (name === undefined || (await fs.readFile(checkedPath(dataDir), "utf8")) !== checkedText(text)) return;
  const state = JSON.parse(await fs.readFile(path.join(dataDir, "state.json"), "utf8")) as State;
  if (!(await isSettled(state, config, file))) return;
  const repositories = (["content", "settings"] as Repository[]).filter((each) => config.roots?.[each]);
  const [server] = config.dns?.servers?.map(parseServer) ?? systemServers();
  if (server === undefined) return;
  const records = await askForTexts(server, name);
  const said = records.flatMap((record) => (record.type === "TXT" ? [parseVersionRecord(record.text)] : []));
  if (!said.some((record) => saysNothingNewer(record, state.timestamps ?? {}, repositories, now))) return;
  await touch(dataDir, "hinted", now);
  return server.label;
}

/**
 * One question over UDP, without all that a lookup of a source takes care of: it is asked by itself so
 * that neither TCP nor cryptography is loaded. A new process's first random number is as good as any.
 */
function askForTexts({ host, port }: DnsServer, name: string): Promise<DnsRecord[]> {
  const question = { id: Math.floor(Math.random() * 65_536), name, type: "TXT" as const };
  const query = encode({ type: "query", id: question.id, flags: RECURSION_DESIRED, questions: [question] });
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise<DnsRecord[]>((resolve, reject) => {
    socket.on("error", reject).on("message", (message) => {
      try {
        resolve(readAnswer(message, question).records);
      } catch {
        // Not the answer: what comes may be anything, from anybody who guesses the port.
      }
    });
    setTimeout(() => reject(new Error("no answer in time")), TIMEOUT).unref();
    socket.connect(port, host, () => socket.send(query));
  }).finally(() => socket.close());
}

/** Whether the last run got all it wanted, and nothing that it went by has changed since. */
async function isSettled({ lastRun }: State, config: Written, file: string): Promise<boolean> {
  if (lastRun === undefined || lastRun.report.exitCode !== 0) return false;
  for (const local of [config.sourceList, config.policy]) {
    if (local === undefined) continue;
    const { mtime } = await fs.stat(path.resolve(path.dirname(file), local));
    if (mtime >= new Date(lastRun.started)) return false;
  }
  return true;
}
