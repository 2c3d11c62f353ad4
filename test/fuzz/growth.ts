import { readJsonText } from "../../src/config/jsonText.ts";
import { repositoryUrls } from "../../src/core/content/layout.ts";
import { parseComponentName, parseFilePath, parseManifest } from "../../src/core/content/manifest.ts";
import { parseJson } from "../../src/core/document.ts";
import { parseAddress, parseRange } from "../../src/core/order/address.ts";
import { canonicalName, isHostName } from "../../src/core/order/hostNames.ts";
import { parseSourceList, parseSourceUrl } from "../../src/core/order/sourceList.ts";
import { reviewFields } from "../../src/core/order/sourceListReview.ts";
import { printable } from "../../src/core/printable.ts";
import { parsePolicy, parseUpdateAgents } from "../../src/core/settings/policy.ts";
import { reviewPolicy } from "../../src/core/settings/policyReview.ts";
import { parseWeeklyHours } from "../../src/core/settings/rateLimit.ts";
import { uniqueAddresses } from "../../src/dns/chain.ts";
import { parseHosts, parseNameservers, parseSearch, parseServer } from "../../src/dns/systemConfig.ts";
import { explainError } from "../../src/errors.ts";
import { chooseProxy } from "../../src/http/connect/proxy.ts";
import { parseContentRange, selectRange } from "../../src/http/range.ts";
import { parseRetryAfter } from "../../src/http/retryAfter.ts";
import { parseVia } from "../../src/http/via.ts";
import { parseNotification } from "../../src/tuf/notification.ts";
import { parseVersionRecord } from "../../src/tuf/versionRecord.ts";

/** Everything that reads text of others, from one header to a whole file, by what it reads. */
export const READERS: Record<string, (text: string) => unknown> = {
  "a Via": parseVia,
  "a Range": (range) => selectRange({ method: "GET", range }, { length: 1_000, etag: '"a"' }),
  "an If-None-Match": (ifNoneMatch) =>
    selectRange({ method: "GET", ifNoneMatch }, { length: 1_000, etag: '"a"' }),
  "a Content-Range": parseContentRange,
  "a Retry-After": (text) => parseRetryAfter(text, 0),
  "a source's URL": parseSourceUrl,
  "a base URL": (text) => repositoryUrls(text, "content"),
  "an address": parseAddress,
  "a range": parseRange,
  "a name": (text) => isHostName(canonicalName(text)),
  "a version record": parseVersionRecord,
  "a hosts file": parseHosts,
  "a search list": parseSearch,
  "a list of name servers": parseNameservers,
  "a name server": parseServer,
  "a no_proxy": (text) => chooseProxy(new URL("http://a.example"), { http_proxy: "p:1", no_proxy: text }),
  "an http_proxy": (text) => chooseProxy(new URL("http://a.example"), { http_proxy: text }),
  "hours of the week": parseWeeklyHours,
  "a cron line": (cron) => parsePolicy({ schedule: { cron } }),
  "an interval": (every) => parsePolicy({ schedule: { every } }),
  "a component's name": parseComponentName,
  "a file's path": parseFilePath,
  "a notification": parseNotification,
  "JSON that people write": (text) => readJsonText(text),
  JSON: parseJson,
  "a field of a source list": (text) =>
    parseSourceList({ entries: [{ range: "10.0.0.1", url: `http://${text}`, name: text, [text]: text }] }),
  "an unknown field": (text) => [reviewFields({ [text]: 1 }), reviewPolicy({ [text]: 1 })],
  "an error's words": (text) => explainError(new Error(text, { cause: new Error(`${text} `) })),
  "what is shown": printable,
};

const sha256 = "0".repeat(64);
const many = <Item>(count: number, item: (index: number) => Item) =>
  Array.from({ length: count }, (_, at) => item(at));
const file = (at: number) => ({ path: `f${at}`, length: 1, sha256 });

/** Documents of many parts, made and read. */
export const DOCUMENTS: Record<string, (count: number) => unknown> = {
  "files of a release": (count) => manifest([{ release: 1, version: "1", files: many(count, file) }]),
  "blocks of a file": (count) => {
    const blocks = { size: 4_194_304, sha256: many(count, () => sha256) };
    return manifest([
      { release: 1, version: "1", files: [{ ...file(1), length: count * 4_194_304, blocks }] },
    ]);
  },
  "ways to a file": (count) => {
    const alternatives = many(count, (at) => ({ format: "dcz", base: sha256, length: at, sha256 }));
    return manifest([{ release: 1, version: "1", files: [{ ...file(1), alternatives }] }]);
  },
  "exceptions of an entry": (count) =>
    parseSourceList({
      entries: [
        { range: "10.0.0.0/8", url: "http://a", except: many(count, (at) => `10.0.${at >> 8}.${at & 255}`) },
      ],
    }),
  "holds of a policy": (count) =>
    parsePolicy({ holds: Object.fromEntries(many(count, (at) => [`components/c${at}`, 1])) }),
  "hours of a limit": (count) =>
    parsePolicy({ rateLimit: { bytesPerSecond: 2_000, hours: many(count, () => "mon-fri 08:00-18:00") } }),
  grants: (count) =>
    parseUpdateAgents({ agents: many(count, (at) => ({ id: `a${at}`, kinds: ["components"] })) }),
  "signatures of a notification": (count) =>
    parseNotification(
      JSON.stringify({
        content: {
          signed: { _type: "timestamp", version: 1, expires: "2030-01-01T00:00:00Z" },
          signatures: many(count, (at) => ({ keyid: String(at) })),
        },
      }),
    ),
  "addresses of one name in a hosts file": (count) =>
    parseHosts(many(count, (at) => `10.0.${at >> 8}.${at & 255} a`).join("\n")),
  "addresses in a DNS answer": (count) =>
    uniqueAddresses(many(count, (at) => ({ family: 4, hex: at.toString(16).padStart(8, "0") }))),
  "causes of an error": (count) => {
    let error = new Error("e");
    for (let at = 0; at < count; at++) error = new Error(`e${at}`, { cause: error });
    return explainError(error);
  },
};

function manifest(releases: object[]): unknown {
  return parseManifest({ kind: "components", name: "a", releases }, { kind: "components", name: "a" });
}

/** So many times faster than its length the work of a reader may seem to grow: what noise is left in CPU time. */
const ALLOWANCE = 4;
/** Work (ms of CPU) that the longer input may cost however it grows: less cannot be measured, and stops nobody. */
const BUDGET = 20;
/**
 * The ratio of the longer input's length to the other's. Work that grows with the square grows eight times
 * faster than it.
 */
const FACTOR = 8;

/**
 * The growth of the work of `read` from an input to one `FACTOR` times as long, divided by the growth of the
 * length; 1 where it is linear, or within the budget. Counted in CPU time of this thread, so that other work
 * of the machine hardly matters, and more than once where it seems to grow too much.
 */
export function growthOf(read: (size: number) => () => unknown, size: number): number {
  const [longs, shorts]: [number[], number[]] = [[], []];
  let growth = 1;
  // The first attempt is slower, and a collection of garbage may fall into any one.
  for (let attempt = 0; attempt < 6; attempt++) {
    const long = costOf(read(size * FACTOR));
    if (long < BUDGET) return 1;
    // As often as makes the same length: a clock of the system's ticks counts no less than some ms.
    const work = read(size);
    const short = costOf(() => {
      for (let turn = 0; turn < FACTOR; turn++) unlessRefused(work);
    });
    if (attempt === 0) continue;
    longs.push(long);
    shorts.push(short);
    growth = Math.min(...longs) / Math.max(Math.min(...shorts), 1);
    if (isLinear(growth)) break;
  }
  return growth;
}

/** Whether work grows with the length of its input, and not faster. */
export function isLinear(growth: number): boolean {
  return growth <= ALLOWANCE;
}

/** CPU time (ms) of this thread that work takes; refusing an input is work too. */
function costOf(work: () => unknown): number {
  const before = process.threadCpuUsage();
  unlessRefused(work);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

function unlessRefused(work: () => unknown): void {
  try {
    work();
  } catch {
    // Refused.
  }
}
