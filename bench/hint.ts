import { promises as fs } from "node:fs";
import path from "node:path";
import { encodeReply, startDnsServer } from "../test/support/dnsServer.ts";

/** A DNS server on loopback that knows the versions of a site's timestamps, and nothing else. */
export interface Hint {
  /** `127.0.0.1:port`. */
  address: string;
  /** The name of the record. */
  name: string;
  /** Queries since it was asked the last time, and the bytes of them and of their answers. */
  asked: () => { queries: number; bytes: number };
  close: () => Promise<void>;
}

/** Serves the TXT record `content=<timestamp version>;settings=<timestamp version>` of `site`. */
export async function startHint(site: string): Promise<Hint> {
  const name = "_nearsource.corp.example";
  const record = `content=${await versionOf(site, "content")};settings=${await versionOf(site, "settings")}`;
  let bytes = 0;
  let queries = 0;
  const server = await startDnsServer({
    onQuery: (query, fromRecords) => {
      const known = query.type === "TXT" && query.name.toLowerCase() === name;
      const reply = known
        ? encodeReply(query, { answers: [{ type: "TXT", name, ttl: 60, data: [record] }] })
        : fromRecords;
      queries += 1;
      // Without its records an answer is as long as the query.
      bytes += encodeReply(query).length + reply.length;
      return reply;
    },
  });
  const asked = () => {
    const since = { queries, bytes };
    [queries, bytes] = [0, 0];
    return since;
  };
  return { address: server.address, name, asked, close: server.close };
}

async function versionOf(site: string, repository: string): Promise<number> {
  const file = path.join(site, repository, "metadata/timestamp.json");
  return JSON.parse(await fs.readFile(file, "utf8")).signed.version;
}
