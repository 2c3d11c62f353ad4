import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Fetcher } from "../../src/http/fetcher.ts";
import { toStatusError } from "../../src/http/httpErrors.ts";
import { refresh } from "../../src/tuf/refresh.ts";
import {
  addComponent,
  newDraft,
  newSigner,
  newSigners,
  type Signers,
  writeDraft,
} from "../support/otherPublisher.ts";
import { CORPUS } from "./corpus.ts";

/**
 * Makes the `good-…` files of the targets `metadata` and `metadata-cache`: what a source serves, and
 * what a client holds of the publication before. To be run by hand when a format changes; its keys are
 * thrown away, and what it signs is valid until 2036.
 */

const BASE = "http://any/content/";
const DOCUMENT = "components/rules.json";

const home = await fs.mkdtemp(path.join(tmpdir(), "nearsource-corpus-"));
const www = path.join(home, "www");
const first = newSigners();
const second: Signers = { ...first, timestamp: [newSigner()] };
const third: Signers = { ...second, snapshot: [newSigner()] };
await publish(1, first);
await publish(2, second);
const { held } = await visit();
await publish(3, third);
const { asked } = await visit();
await keep("metadata-cache", held);
await keep("metadata", asked);
await fs.rm(home, { recursive: true });

/** Publishes release `version` of the component `rules`, under a root of that version. */
async function publish(version: number, signers: Signers): Promise<void> {
  const draft = newDraft(signers, version);
  const files = { "rules.dat": Buffer.from(`rules ${version}\n`) };
  addComponent(draft, "rules", { release: version, version: `${version}.0`, files });
  await writeDraft(www, draft, signers);
}

type Files = Map<string, Buffer>;

/** The files that a new client asks for, by path, and holds afterwards, by name. */
async function visit(): Promise<{ asked: Files; held: Files }> {
  const root = await fs.readFile(path.join(www, "content/metadata/1.root.json"));
  await fs.writeFile(path.join(home, "root.json"), root);
  const files = new Map([["root.json", root]]);
  const asked: Files = new Map();
  const source = {
    metadataUrl: `${BASE}metadata/`,
    targetsUrl: `${BASE}targets/`,
    fetcher: recording(asked),
  };
  const refreshed = await refresh(
    { repository: "content", folder: home, files, documents: new Map() },
    source,
    new Date(),
  );
  await refreshed.names("components");
  const document = await refreshed.document(DOCUMENT);
  if (document === undefined) throw new Error(`${DOCUMENT} is not published`);
  return { asked, held: new Map([...refreshed.files, [DOCUMENT, document]]) };
}

function recording(asked: Files): Fetcher {
  const get: Fetcher["get"] = async (text) => {
    const url = new URL(text);
    const bytes = await fs.readFile(path.join(www, url.pathname)).catch(() => undefined);
    if (bytes === undefined) throw toStatusError(404, url);
    asked.set(text.slice(BASE.length), bytes);
    async function* read() {
      yield bytes ?? Buffer.alloc(0);
    }
    return { status: 200, headers: {}, url, address: undefined, read, discard: async () => {} };
  };
  return { get, limitRate: () => {}, close: () => {} };
}

async function keep(target: string, files: Files): Promise<void> {
  await fs.mkdir(path.join(CORPUS, target), { recursive: true });
  for (const [name, bytes] of files) {
    const place = `good-${path.basename(name).replace(/^[0-9a-f]{64}\./, "document-")}`;
    await fs.writeFile(path.join(CORPUS, target, place), Buffer.concat([Buffer.from(`${name}\n`), bytes]));
  }
}
