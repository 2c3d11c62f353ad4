import { promises as fs } from "node:fs";
import path from "node:path";
import { Metadata } from "@tufjs/models";
import { Updater } from "tuf-js";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { repositoryUrls } from "../../src/core/content/layout.ts";
import { createResolver, toLookup } from "../../src/dns/resolver.ts";
import { createFetcher } from "../../src/http/client.ts";
import type { Fetcher } from "../../src/http/fetcher.ts";
import { refresh } from "../../src/tuf/refresh.ts";
import { openTrustedSet, type TrustedSet, writeTrustedSet } from "../../src/tuf/trustedSet.ts";
import type { MetadataSource } from "../../src/tuf/updater.ts";
import { addTarget, newDraft, newSigners, seal, writeDraft } from "../support/otherPublisher.ts";
import { type SourceOptions, startSource, type TestSource } from "../support/source.ts";
import { closeAll, makeWorld, newDataDir, newFolder, noise, readTree, type World } from "../support/world.ts";

const LIMITS = { connectTimeout: 10_000, responseTimeout: 10_000, stallTimeout: 10_000, minRate: 1 };

let world: World;
let fetcher: Fetcher;
beforeAll(async () => {
  world = await makeWorld();
  fetcher = createFetcher(LIMITS, toLookup(createResolver({ servers: [] })));
});
afterAll(async () => {
  fetcher.close();
  await world.remove();
});

const open: TestSource[] = [];
afterEach(() => closeAll(open));

async function serve(publication: 1 | 2 | 3, options?: SourceOptions) {
  const source = await startSource(world.www(publication), options);
  open.push(source);
  return source;
}

const at = (source: TestSource, more: Partial<MetadataSource> = {}): MetadataSource => ({
  ...repositoryUrls(source.url, "content"),
  fetcher,
  ...more,
});

/** The trusted set before the first refresh: the shipped root. */
async function shipped() {
  const dirs = await newDataDir();
  return { dirs, trusted: await openTrustedSet(dirs, "content", await fs.readFile(world.root)) };
}

/** The trusted set after a refresh from `source`, with the manifest of `rules`. */
async function trustedFrom(source: TestSource) {
  const { dirs, trusted } = await shipped();
  const refreshed = await refresh(trusted, at(source), new Date());
  await refreshed.names("components");
  const manifest = await refreshed.document("components/rules.json");
  const documents = new Map([["components/rules.json", manifest ?? Buffer.alloc(0)]]);
  return { dirs, trusted: await writeTrustedSet(dirs, "content", { files: refreshed.files, documents }) };
}

const asked = (source: TestSource) => source.requests.map((request) => path.basename(request.path));

describe("the parts of tuf-js that its types keep private", () => {
  test("are where this program reaches for them", () => {
    const prototype = Updater.prototype as unknown as Record<string, unknown>;
    for (const name of ["loadLocalMetadata", "persistMetadata", "loadTargets", "getTargetInfo", "refresh"])
      expect(typeof prototype[name], name).toBe("function");
    const signers = newSigners();
    const root = seal(newDraft(signers).root, signers.root ?? []);
    class Opened extends Updater {}
    Object.assign(Opened.prototype, { loadLocalMetadata: () => root });
    const updater = new Opened({ metadataDir: "/nowhere", metadataBaseUrl: "http://nowhere.test" });
    const { trustedSet } = updater as unknown as { trustedSet: Record<string, unknown> };
    expect(trustedSet.referenceTime).toBeInstanceOf(Date);
    expect(trustedSet).toMatchObject({ root: { signed: { version: 1, consistentSnapshot: true } } });
    for (const name of ["updateRoot", "updateTimestamp", "updateSnapshot", "updateDelegatedTargets"])
      expect(typeof trustedSet[name], name).toBe("function");
  });

  test("are of the version that is pinned", async () => {
    const { dependencies } = JSON.parse(await fs.readFile("package.json", "utf8"));
    expect(dependencies["tuf-js"]).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe("a refresh", () => {
  test("gives what verified, and writes nothing", async () => {
    const source = await serve(2);
    const { dirs, trusted } = await shipped();
    const before = await readTree(dirs.root);
    const staged = new Map<string, Buffer>();
    const refreshed = await refresh(trusted, at(source), new Date(), staged);
    expect(await refreshed.names("components")).toEqual(["rules"]);
    expect(await refreshed.names("programs")).toEqual([]);
    expect(refreshed).toMatchObject({ changed: true, address: "127.0.0.1" });
    expect([...staged.keys()].sort()).toEqual([
      "components.json",
      "programs.json",
      "snapshot.json",
      "targets.json",
      "timestamp.json",
    ]);
    expect([...refreshed.files.keys()].sort()).toEqual([...staged.keys(), "root.json"].sort());
    expect(refreshed.bytes).toBe([...staged.values()].reduce((sum, bytes) => sum + bytes.length, 0));
    expect(await readTree(dirs.root)).toEqual(before);
  });

  test("verifies a role once, however many of its targets are looked up", async () => {
    const large = await makeWorld({ several: true });
    onTestFinished(large.remove);
    const source = await startSource(large.www(2));
    open.push(source);
    const trusted = await openTrustedSet(await newDataDir(), "content", await fs.readFile(large.root));
    const verified: string[] = [];
    const verify = vi.spyOn(Metadata.prototype, "verifyDelegate");
    onTestFinished(() => verify.mockRestore());
    const refreshed = await refresh(trusted, at(source), new Date());
    const names = await refreshed.names("components");
    await Promise.all(names.map((name) => refreshed.document(`components/${name}.json`)));
    for (const [role] of verify.mock.calls) if (role !== "root") verified.push(role);
    expect(names).toEqual(["filters", "rules"]);
    expect(verified).toEqual(["timestamp", "snapshot", "targets", "components"]);
  });

  test("lets others have their turn while it looks up many targets", async () => {
    const signers = newSigners();
    const draft = newDraft(signers);
    const many = 2_000;
    for (let index = 0; index < many; index++)
      addTarget(draft, "components", `components/c${index}.json`, {});
    // Of the targets nothing but their names is asked for.
    draft.files = {};
    const www = await newFolder();
    await writeDraft(www, draft, signers);
    const source = await startSource(www);
    open.push(source);
    const root = await fs.readFile(path.join(www, "content/metadata/1.root.json"));
    const trusted = await openTrustedSet(await newDataDir(), "content", root);
    let turns = 0;
    let names: string[] | undefined;
    const count = () => {
      turns++;
      if (names === undefined) setImmediate(count);
    };
    const refreshed = await refresh(trusted, at(source), new Date());
    expect(await refreshed.names("programs")).toEqual([]);
    await refreshed.document("components/none.json");
    setImmediate(count);
    names = await refreshed.names("components");
    expect(names).toHaveLength(many);
    expect(turns).toBeGreaterThanOrEqual(many / 100);
  });

  test("with nothing new asks for the next root and the timestamp alone", async () => {
    const source = await serve(2);
    const { trusted } = await trustedFrom(source);
    source.requests.length = 0;
    const refreshed = await refresh(trusted, at(source), new Date());
    expect(await refreshed.names("components")).toEqual(["rules"]);
    expect(await refreshed.document("components/rules.json")).toEqual(
      trusted.documents.get("components/rules.json"),
    );
    expect(refreshed.changed).toBe(false);
    expect(asked(source)).toEqual(["2.root.json", "timestamp.json"]);
  });

  test("asks only for what changed", async () => {
    const source = await serve(1);
    const { trusted } = await trustedFrom(source);
    source.root = world.www(2);
    source.requests.length = 0;
    const refreshed = await refresh(trusted, at(source), new Date());
    await refreshed.names("components");
    expect(asked(source)).toEqual(["2.root.json", "timestamp.json", "3.snapshot.json", "3.components.json"]);
  });

  test("knows no target that is not signed for, and asks nobody for it", async () => {
    const source = await serve(2);
    const { trusted } = await trustedFrom(source);
    const refreshed = await refresh(trusted, at(source), new Date());
    source.requests.length = 0;
    expect(await refreshed.document("components/none.json")).toBeUndefined();
    expect(await refreshed.document("../../etc/passwd")).toBeUndefined();
    expect(await refreshed.names("nothing")).toEqual([]);
    expect(source.requests).toEqual([]);
  });

  test("takes a document that is held only when it is the signed one", async () => {
    const source = await serve(2);
    const { trusted } = await trustedFrom(source);
    const genuine = trusted.documents.get("components/rules.json");
    const altered: TrustedSet = {
      ...trusted,
      documents: new Map([["components/rules.json", noise("x", 20)]]),
    };
    const refreshed = await refresh(altered, at(source), new Date());
    expect(await refreshed.document("components/rules.json")).toEqual(genuine);
  });

  test("sends an ETag only with a timestamp to go with it, and takes 304 for that one", async () => {
    const source = await serve(2, { etags: true });
    const { trusted: root } = await shipped();
    const first = await refresh(root, at(source, { etag: '"stale"' }), new Date());
    expect(source.requests.map(({ ifNoneMatch }) => ifNoneMatch)).not.toContain('"stale"');
    expect(first.etag).toMatch(/^"[0-9a-f]{16}"$/);

    const { trusted } = await trustedFrom(source);
    source.requests.length = 0;
    const second = await refresh(trusted, at(source, { etag: first.etag }), new Date());
    expect(source.requests.map(({ status }) => status)).toEqual([404, 304]);
    expect(second).toMatchObject({ changed: false, bytes: 0, etag: first.etag });
  });

  test("by a source that forgot its ETag forgets it too", async () => {
    const source = await serve(2);
    const { trusted } = await trustedFrom(source);
    expect((await refresh(trusted, at(source, { etag: '"gone"' }), new Date())).etag).toBeUndefined();
  });

  test.for([403, 404, 410, 401])("takes %i for word that there is no next root", async (status) => {
    const source = await serve(2, {
      answer: ({ url = "" }, response) => {
        if (!url.endsWith("root.json")) return false;
        response.writeHead(status, { "content-length": 0 }).end();
        return true;
      },
    });
    const { trusted } = await shipped();
    expect((await refresh(trusted, at(source), new Date())).changed).toBe(true);
  });

  test.for([200, 204, 206, 302, 304, 429, 500, 503])(
    "does not take %i for word that there is no next root",
    async (status) => {
      const source = await serve(2, {
        answer: ({ url = "" }, response) => {
          if (!url.endsWith("root.json")) return false;
          response.writeHead(status, { location: "/" }).end();
          return true;
        },
      });
      const { trusted } = await shipped();
      await expect(refresh(trusted, at(source), new Date())).rejects.toMatchObject({
        code: expect.stringMatching(
          /^(METADATA_MALFORMED|HTTP_STATUS|REDIRECT_REFUSED|SOURCE_BUSY|HTTP_SERVER_ERROR)$/,
        ),
      });
    },
  );

  test("says which source failed, with which repository, and keeps the cause", async () => {
    const source = await serve(1);
    const { trusted } = await trustedFrom(await serve(2));
    await expect(refresh(trusted, at(source), new Date())).rejects.toMatchObject({
      code: "METADATA_OLDER",
      message: `127.0.0.1:${source.port} offers older metadata than is already trusted (content)`,
      cause: { message: "New timestamp version 2 is less than current version 3" },
    });
  });

  test("that fails leaves what had verified until then to be seen", async () => {
    const source = await serve(3, {
      answer: ({ url = "" }, response) => {
        if (!url.endsWith("targets.json")) return false;
        response.writeHead(404).end();
        return true;
      },
    });
    const { trusted } = await shipped();
    const staged = new Map<string, Buffer>();
    await expect(refresh(trusted, at(source), new Date(), staged)).rejects.toMatchObject({
      code: "HTTP_NOT_FOUND",
    });
    expect([...staged.keys()].sort()).toEqual(["snapshot.json", "timestamp.json"]);
  });

  test("can be interrupted", async () => {
    const abort = new AbortController();
    const source = await serve(2, {
      answer: () => {
        abort.abort();
        return false;
      },
    });
    const { trusted } = await shipped();
    await expect(refresh(trusted, at(source, { signal: abort.signal }), new Date())).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
  });
});
