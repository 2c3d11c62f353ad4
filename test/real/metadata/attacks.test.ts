import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { METADATA_LIMITS } from "../../../src/core/content/layout.ts";
import {
  bump,
  type Draft,
  type Json,
  newDraft,
  newSigner,
  newSigners,
  readDraft,
  type Signers,
  seal,
  signedOf,
  writeDraft,
} from "../../support/otherPublisher.ts";
import { startSource } from "../../support/source.ts";
import { expectInstalled, makeAgent, runUpdate, sharedWorld } from "../../support/world.ts";
import { copyOf, type Forgery, meetForgery, ownKeys, redrafting } from "./forge.ts";

const stage = sharedWorld();

const PAST = "2026-01-01T00:00:00Z";

/** The roles to be signed again when `role` changes, `role` first. */
const ABOVE: Record<string, string[]> = {
  timestamp: ["timestamp"],
  snapshot: ["snapshot", "timestamp"],
  targets: ["targets", "snapshot", "timestamp"],
  components: ["components", "snapshot", "timestamp"],
};
const ROLES = Object.keys(ABOVE);

const raise = (role: string) => (draft: Draft) => bump(draft, ...(ABOVE[role] ?? []));

const metadata = (www: string, name: string) => path.join(www, "content/metadata", name);

/** Alters a file of a genuine publication, or puts another in its place. */
function altering(
  name: string,
  change: (bytes: string, www: string) => string | Promise<string>,
): Forgery["forge"] {
  return async (www) => {
    const file = metadata(www, name);
    await fs.writeFile(file, await change(await fs.readFile(file, "utf8"), www));
  };
}

const other = (www: string, name: string) => fs.readFile(metadata(www, name), "utf8");

const rollbacks: Forgery[] = [
  { name: "the publication before", code: "METADATA_OLDER", base: 1, forge: () => {} },
  {
    name: "a new timestamp that leads to an older snapshot",
    code: "METADATA_OLDER",
    forge: redrafting(raise("timestamp"), {
      last: { timestamp: ({ meta }) => Object.assign(meta["snapshot.json"], { version: 1 }) },
    }),
  },
  {
    name: "a new snapshot that leads to an older role",
    code: "METADATA_OLDER",
    forge: redrafting(raise("snapshot"), {
      last: { snapshot: ({ meta }) => Object.assign(meta["components.json"], { version: 1 }) },
    }),
  },
  {
    name: "a new snapshot in which a role is gone",
    code: "METADATA_MALFORMED",
    forge: redrafting(raise("snapshot"), {
      last: { snapshot: ({ meta }) => delete meta["components.json"] },
    }),
  },
  {
    name: "a new snapshot in which the targets are gone",
    code: "METADATA_MALFORMED",
    forge: redrafting(raise("snapshot"), { last: { snapshot: ({ meta }) => delete meta["targets.json"] } }),
  },
  {
    name: "the first root once more, as the second",
    code: "METADATA_OLDER",
    forge: async (www) => fs.copyFile(metadata(www, "1.root.json"), metadata(www, "2.root.json")),
  },
];

const frozen: Forgery[] = ROLES.map((role) => ({
  name: `a ${role} that has expired`,
  code: "METADATA_EXPIRED",
  forge: redrafting((draft) => {
    raise(role)(draft);
    signedOf(draft, role).expires = PAST;
  }),
}));

const mixed: Forgery[] = [
  {
    name: "the timestamp of one publication with the snapshot of another",
    code: "METADATA_MISMATCH",
    base: 3,
    forge: altering("4.snapshot.json", () => other(stage.world.www(2), "3.snapshot.json")),
  },
  {
    name: "the snapshot of one publication with a role of another",
    code: "METADATA_MISMATCH",
    base: 3,
    forge: altering("4.components.json", () => other(stage.world.www(2), "3.components.json")),
  },
  {
    name: "a role in the place of another",
    code: "METADATA_MISMATCH",
    base: 3,
    forge: altering("4.components.json", (_, www) => other(www, "1.programs.json")),
  },
  {
    name: "a snapshot in the place of the timestamp",
    code: "METADATA_MALFORMED",
    base: 3,
    forge: altering("timestamp.json", (_, www) => other(www, "4.snapshot.json")),
  },
  {
    name: "a timestamp with another version in it",
    code: "SIGNATURE_INVALID",
    base: 3,
    forge: altering("timestamp.json", (text) => text.replace('"version":4,"exp', '"version":9,"exp')),
  },
  {
    name: "a timestamp with another signature",
    code: "SIGNATURE_INVALID",
    base: 3,
    forge: altering("timestamp.json", (text) => text.replace(/"sig":"../, '"sig":"00')),
  },
  {
    name: "a timestamp whose signature is no hex",
    code: "SIGNATURE_INVALID",
    base: 3,
    forge: altering("timestamp.json", (text) => text.replace(/"sig":"[^"]*"/, '"sig":"none"')),
  },
  {
    name: "a timestamp that nobody signed",
    code: "SIGNATURE_INVALID",
    base: 3,
    forge: altering("timestamp.json", (text) => JSON.stringify({ ...JSON.parse(text), signatures: [] })),
  },
  {
    name: "a timestamp that one key signed twice",
    code: "METADATA_MALFORMED",
    base: 3,
    forge: altering("timestamp.json", (text) => {
      const { signatures, signed } = JSON.parse(text);
      return JSON.stringify({ signatures: [...signatures, ...signatures], signed });
    }),
  },
  {
    name: "a snapshot with a byte more",
    code: "METADATA_MISMATCH",
    base: 3,
    forge: altering("4.snapshot.json", (text) => text.replace('"version":4', '"version":5')),
  },
  {
    name: "half a timestamp",
    code: "METADATA_MALFORMED",
    base: 3,
    forge: altering("timestamp.json", (text) => text.slice(0, text.length / 2)),
  },
  {
    name: "half a snapshot",
    code: "METADATA_MISMATCH",
    base: 3,
    forge: altering("4.snapshot.json", (text) => text.slice(0, text.length / 2)),
  },
  {
    name: "a root that is no JSON",
    code: "METADATA_MALFORMED",
    forge: async (www) => fs.writeFile(metadata(www, "2.root.json"), "{"),
  },
];

/** The publisher's keys but for one role's. */
const instead = (role: string, signer: (own: Signers) => Signers[string] | undefined) => (own: Signers) => ({
  ...own,
  [role]: signer(own) ?? [],
});

const wrongKeys: Forgery[] = [
  ...ROLES.flatMap((role): Forgery[] => [
    {
      name: `a ${role} signed by a key of nobody`,
      code: "SIGNATURE_INVALID",
      forge: redrafting(
        raise(role),
        {},
        instead(role, () => [newSigner()]),
      ),
    },
    {
      name: `a ${role} signed by the key of another role`,
      code: "SIGNATURE_INVALID",
      forge: redrafting(
        raise(role),
        {},
        instead(role, (own) => own.programs),
      ),
    },
  ]),
  {
    name: "a root signed by other keys",
    code: "SIGNATURE_INVALID",
    forge: async (www) => {
      const signers = newSigners();
      const { root } = newDraft(signers, 2);
      await fs.writeFile(metadata(www, "2.root.json"), seal(root, signers.root ?? []));
    },
  },
  {
    name: "a root signed by its own keys and one that is not the old root's",
    code: "SIGNATURE_INVALID",
    forge: async (www, keys) => {
      const { root } = newDraft({ ...keys, root: [newSigner()] }, 2);
      await fs.writeFile(metadata(www, "2.root.json"), seal(root, keys.timestamp ?? []));
    },
  },
  {
    name: "a root signed by the old keys and not by its own",
    code: "SIGNATURE_INVALID",
    forge: async (www, keys) => {
      const { root } = newDraft({ ...keys, root: [newSigner()] }, 2);
      await fs.writeFile(metadata(www, "2.root.json"), seal(root, keys.root ?? []));
    },
  },
  {
    name: "the repository of another publisher",
    code: "SIGNATURE_INVALID",
    forge: async (www) => {
      await fs.rm(path.join(www, "content"), { recursive: true });
      const signers = newSigners();
      await writeDraft(www, newDraft(signers, 9), signers);
    },
  },
];

const pad = (length: number) => (signed: Json) => Object.assign(signed, { padding: "x".repeat(length) });

const oversized: Forgery[] = [
  ...ROLES.map((role): Forgery => {
    const limit = METADATA_LIMITS[role === "components" ? "targets" : (role as "targets")];
    return {
      name: `a ${role} of more than ${limit} bytes`,
      code: "METADATA_TOO_LARGE",
      forge: redrafting(raise(role), { last: { [role]: pad(limit) } }),
    };
  }),
  {
    name: "a root of more than its limit",
    code: "METADATA_TOO_LARGE",
    forge: async (www, keys) => {
      const { root } = newDraft(keys, 2);
      await fs.writeFile(
        metadata(www, "2.root.json"),
        seal({ ...root, padding: "x".repeat(16_384) }, keys.root ?? []),
      );
    },
  },
];

const malformed: Forgery[] = [
  ["of TUF 2", (signed: Json) => Object.assign(signed, { spec_version: "2.0.0" })],
  ["without a version", (signed: Json) => delete signed.version],
  ["with a version that is text", (signed: Json) => Object.assign(signed, { version: "9" })],
  ["that never expires", (signed: Json) => delete signed.expires],
  ["that expires at no time", (signed: Json) => Object.assign(signed, { expires: "tomorrow" })],
  ["of another type", (signed: Json) => Object.assign(signed, { _type: "mirrors" })],
  ["that lists nothing", (signed: Json) => Object.assign(signed, { meta: {} })],
].map(([name, change]) => ({
  name: `a timestamp ${name}`,
  code: "METADATA_MALFORMED",
  forge: redrafting(raise("timestamp"), { last: { timestamp: change as (signed: Json) => void } }),
}));

const all = [...rollbacks, ...frozen, ...mixed, ...wrongKeys, ...oversized, ...malformed];

describe.concurrent("a source that offers", () => {
  test.for(all)("$name is passed over: $code", async (forgery) => {
    await meetForgery(stage.world, forgery);
  });
});

describe("an expired root", () => {
  test("is refused though everything below it is valid", async () => {
    await meetForgery(stage.world, {
      name: "",
      code: "METADATA_EXPIRED",
      forge: async (www, keys) => {
        const signed = JSON.parse(await other(www, "1.root.json")).signed;
        const root = { ...signed, version: 2, expires: PAST };
        await fs.writeFile(metadata(www, "2.root.json"), seal(root, keys.root ?? []));
      },
    });
  });
});

/** An agent that trusts what `change` makes of publication 2, and the source that gave it that. */
async function trusting(change: (draft: Draft) => void) {
  const www = await copyOf(stage.world, 2);
  const keys = await ownKeys(stage.world);
  const draft = await readDraft(www);
  change(draft);
  await writeDraft(www, draft, keys);
  const source = await startSource(www);
  const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 2 });
  expect((await runUpdate(agent)).report).toMatchObject({ outcome: "current", exitCode: 0 });
  return { www, keys, draft, source, agent };
}

describe.concurrent("a rollback", () => {
  test.for(["targets", "components"])("of %s that were trusted is refused", async (role) => {
    const { www, keys, draft, source, agent } = await trusting((own) => {
      bump(own, role, role, "snapshot", "timestamp");
    });
    signedOf(draft, role).version -= 1;
    bump(draft, "snapshot", "timestamp");
    await writeDraft(www, draft, keys);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "METADATA_OLDER" }] });
    await expectInstalled(agent, 2);
    await source.close();
  });
});

/** The roles whose keys have to be new so that a role may be older than the trusted one (TUF spec §6.1). */
const RECOVERY: Record<string, string[]> = {
  timestamp: ["timestamp"],
  snapshot: ["snapshot", "timestamp"],
  targets: ["snapshot"],
  components: ["snapshot"],
};

describe.concurrent("a fast-forward", () => {
  const FAR_AHEAD = 1_000_000_000;

  test.for(Object.entries(RECOVERY))(
    "of the %s is recovered from with new keys, and not without",
    async ([role, rotated]) => {
      const { www, keys, draft, source, agent } = await trusting((own) => {
        raise(role)(own);
        signedOf(own, role).version = FAR_AHEAD;
      });
      signedOf(draft, role).version = 7;
      bump(draft, ...(ABOVE[role] ?? []).filter((each) => each !== role));
      await writeDraft(www, draft, keys);
      expect((await runUpdate(agent)).report).toMatchObject({ attempts: [{ code: "METADATA_OLDER" }] });
      const fresh = Object.fromEntries(rotated.map((each) => [each, [newSigner()]]));
      bump(draft, "root");
      for (const [each, [signer]] of Object.entries(fresh)) {
        if (signer === undefined) continue;
        draft.root.keys[signer.id] = signer.key;
        draft.root.roles[each].keyids = [signer.id];
      }
      bump(draft, "timestamp");
      await writeDraft(www, draft, { ...keys, ...fresh });
      expect((await runUpdate(agent)).report).toMatchObject({ outcome: "current", exitCode: 0 });
      await expectInstalled(agent, 2);
      await source.close();
    },
  );
});

describe.concurrent("a role that nobody knows", () => {
  const delegation = (name: string) => (draft: Draft) => {
    const { delegations } = draft.roles.targets ?? {};
    const { keyids } = delegations.roles[0];
    delegations.roles.unshift({ name, keyids, threshold: 1, terminating: false, paths: ["components/*"] });
    bump(draft, "targets", "snapshot", "timestamp");
  };

  test("to which the targets delegate without the snapshot's listing it is a source's end", async () => {
    await meetForgery(stage.world, {
      name: "",
      code: "METADATA_MALFORMED",
      forge: redrafting(delegation("unlisted")),
    });
  });

  test("that the snapshot lists without anybody's delegating to it is not even asked for", async () => {
    const { www, keys, draft, source, agent } = await trusting(() => {});
    bump(draft, "snapshot", "timestamp");
    await writeDraft(www, draft, keys, {
      last: { snapshot: ({ meta }) => Object.assign(meta, { "stranger.json": { version: 1 } }) },
    });
    expect((await runUpdate(agent)).report).toMatchObject({ outcome: "current", exitCode: 0 });
    expect(source.requests.filter(({ path }) => path.includes("stranger"))).toEqual([]);
    await source.close();
  });
});
