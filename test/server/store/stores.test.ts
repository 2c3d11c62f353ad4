import { randomBytes } from "node:crypto";
import { CompiledQuery, sql } from "kysely";
import { beforeAll, describe, expect, test } from "vitest";
import { summaryOf } from "../../../src/core/fleet/reports/reportSummary.ts";
import { TrafficBounds } from "../../../src/core/fleet/reports/trafficBounds.ts";
import { hashOfSecret, newId, newSecret } from "../../../src/server/access/secrets.ts";
import { KnownUpdateAgents } from "../../../src/server/fleet/knownUpdateAgents.ts";
import { takeReports } from "../../../src/server/fleet/takeReports.ts";
import type { ServerConfig } from "../../../src/server/serverConfig.ts";
import { insertAudit, listAudit } from "../../../src/server/store/auditStore.ts";
import { countOf } from "../../../src/server/store/countOf.ts";
import type { Database } from "../../../src/server/store/database.ts";
import { takeTurn } from "../../../src/server/store/dialect.ts";
import { matchingAgents } from "../../../src/server/store/fleet/agentFilter.ts";
import {
  agentsOfFingerprint,
  countAgents,
  deleteAgent,
  findAgent,
  insertAgent,
  listAgents,
  moveAgent,
  type NewAgent,
  renewAgent,
  retireAgents,
} from "../../../src/server/store/fleet/agentStore.ts";
import { type PlannedAgent, plannedAgents, putPlanned } from "../../../src/server/store/fleet/planStore.ts";
import {
  noteReported,
  type ReportedRow,
  takeReported,
} from "../../../src/server/store/fleet/reportedStore.ts";
import { countRuns, listRuns } from "../../../src/server/store/fleet/runStore.ts";
import { findAgentsBySecrets } from "../../../src/server/store/fleet/secretStore.ts";
import { notePolls } from "../../../src/server/store/notifications/toldStore.ts";
import {
  deleteSession,
  deleteSessionsOf,
  findSession,
  insertSession,
  touchSession,
} from "../../../src/server/store/people/sessionStore.ts";
import {
  deleteEnrolmentToken,
  insertEnrolmentToken,
  listEnrolmentTokens,
  useEnrolmentToken,
} from "../../../src/server/store/people/tokenStore.ts";
import {
  findUserByName,
  hasAdministrator,
  insertUser,
  setPassword,
} from "../../../src/server/store/people/userStore.ts";
import {
  deleteDocument,
  findDocument,
  insertDocument,
  listDocuments,
  markPublished,
  newestDocument,
  unpublishedDocuments,
} from "../../../src/server/store/settings/documentStore.ts";
import { type Tx, transact } from "../../../src/server/store/transaction.ts";
import { databases } from "../../support/databases.ts";

/** A moment of this century: more than 32 bits of milliseconds. */
const NOW = 1_795_000_000_000;

describe.for(databases())("on $name", ({ isHere, open }) => {
  describe.skipIf(!isHere)("every store function does the same:", () => {
    let database: Database;
    const write = <Result>(work: (tx: Tx) => Promise<Result>) => transact(database.db, work);

    const findAgentBySecret = async (hash: string) =>
      (await findAgentsBySecrets(database.db, [hash, "no secret", "none either"])).get(hash);

    const domain = () => `domain-${newId(randomBytes)}`;
    const newDomain = async () => {
      const name = domain();
      await database.db.insertInto("domains").values({ name, created_at: NOW }).execute();
      return name;
    };
    const agentOf = (domain: string, changes: Partial<NewAgent> = {}): NewAgent => ({
      id: newId(randomBytes),
      name: "pc",
      fingerprint: newId(randomBytes),
      domain,
      secretHash: hashOfSecret(newSecret(randomBytes)),
      addresses: ["10.1.2.3"],
      program: "0.1.0",
      seenAt: "10.1.2.3",
      now: NOW,
      cloneOf: null,
      ...changes,
    });

    beforeAll(async () => {
      database = await open();
    });

    test("an agent is found by id, fingerprint and secret, and comes back as itself", async () => {
      const agent = agentOf(await newDomain());
      await write((tx) => insertAgent(tx, agent));
      expect(await findAgent(database.db, agent.id)).toEqual({
        id: agent.id,
        name: "pc",
        domain: agent.domain,
        addresses: ["10.1.2.3"],
        dnsSuffixes: [],
        port: null,
        hostNames: [],
        urls: [],
        planned: null,
        program: "0.1.0",
        createdAt: NOW,
        reportedAt: null,
        outcome: null,
        code: null,
        source: null,
        cloneOf: null,
        doubledAt: null,
        revokedAt: null,
        deviatesSince: null,
        freeBytes: null,
        failing: false,
        contentVersion: null,
        settingsVersion: null,
      });
      expect(await agentsOfFingerprint(database.db, agent.fingerprint)).toEqual([
        {
          ...{ id: agent.id, name: "pc", domain: agent.domain, addresses: ["10.1.2.3"] },
          ...{ isRevoked: false, heardAt: NOW },
        },
      ]);
      expect(await findAgentBySecret(agent.secretHash)).toMatchObject({
        id: agent.id,
        which: "current",
      });
      await write((tx) => renewAgent(tx, agent.id, { ...agent, secretHash: "another" }));
      // Whoever comes with it has a copy of what the machine was before: it is known, and refused.
      expect(await findAgentBySecret(agent.secretHash)).toMatchObject({ which: "last" });
      expect(await write((tx) => deleteAgent(tx, agent.id))).toBe(true);
      expect(await write((tx) => deleteAgent(tx, agent.id))).toBe(false);
    });

    test("agents are listed in the order of their names' bytes, page by page, each once", async () => {
      const own = await newDomain();
      const names = ["b", "a", "B", "ä", "a", "Z-9", "z", "-x", "a b", "ab", "a-b"];
      for (const name of names) await write((tx) => insertAgent(tx, agentOf(own, { name })));
      const seen: string[] = [];
      let after: { name: string; id: string } | undefined;
      for (;;) {
        const page = await listAgents(database.db, { domain: own }, { after, limit: 3 });
        seen.push(...page.map(({ name }) => name));
        after = page.at(-1);
        if (page.length < 3) break;
      }
      expect(seen).toEqual(
        names.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
      );
    });

    test("a search finds parts of names and addresses in any case, and takes no character for a pattern", async () => {
      const own = await newDomain();
      const names = ["PC-Berlin", "pc_lyon", "PCxLyon", "ÄRZTE", "100%", "back\\slash"];
      for (const name of names) await write((tx) => insertAgent(tx, agentOf(own, { name })));
      const found = async (q: string) => {
        const agents = await listAgents(database.db, { domain: own, q }, { limit: 50 });
        expect(await countAgents(database.db, { domain: own, q })).toBe(agents.length);
        return agents.map(({ name }) => name).toSorted();
      };
      expect(await found("berLIN")).toEqual(["PC-Berlin"]);
      expect(await found("c_l")).toEqual(["pc_lyon"]);
      expect(await found("ärz")).toEqual(["ÄRZTE"]);
      expect(await found("0%")).toEqual(["100%"]);
      expect(await found("k\\s")).toEqual(["back\\slash"]);
      expect(await found("10.1.2")).toHaveLength(names.length);
    });

    test.for([
      [{ outcome: "exhausted" }, "agents_outcome"],
      [{ source: ["ua-1"] }, "agents_source"],
    ] as const)("a list by %j is read from the index %s, and no agent beside it", async ([filter, index]) => {
      const { sql: text, parameters } = matchingAgents(database.db, filter)
        .select("id")
        .orderBy("name")
        .orderBy("id")
        .limit(50)
        .compile();
      const isSqlite = database.dialect.name === "sqlite";
      const explained = await database.db.transaction().execute(async (tx) => {
        // Of a table without rows, PostgreSQL would look at all of them.
        if (!isSqlite)
          await sql`set local enable_seqscan = off; set local enable_bitmapscan = off`.execute(tx);
        const query = CompiledQuery.raw(`explain ${isSqlite ? "query plan " : ""}${text}`, [...parameters]);
        return JSON.stringify((await tx.executeQuery(query)).rows);
      });
      expect(explained).toContain(index);
      expect(explained).not.toMatch(/temp b-tree|Sort/i);
    });

    test("agents of all states are counted from one index, searched for or not", async () => {
      if (database.dialect.name !== "sqlite") return;
      for (const filter of [{}, { q: "pc-0" }]) {
        const states = matchingAgents(database.db, filter)
          .select(["failing", "domain", "reported_at"])
          .as("states");
        const { sql: text, parameters } = database.db
          .selectFrom(states)
          .select((row) => ["failing", row.fn.countAll<number>().as("count")])
          .groupBy("failing")
          .compile();
        const query = CompiledQuery.raw(`explain query plan ${text}`, [...parameters]);
        const { rows } = await database.db.executeQuery(query);
        expect(JSON.stringify(rows)).toContain("USING COVERING INDEX agents_listed");
      }
    });

    test("an agent of a long name, at many addresses, by a source of a long name, is kept and found", async () => {
      const own = await newDomain();
      const letters = () => String.fromCodePoint(0x10000 + randomBytes(2).readUInt16BE());
      const name = Array.from({ length: 253 }, letters).join("");
      const bytes = Array.from({ length: 64 }, () => randomBytes(16).toString("hex"));
      const addresses = bytes.map((hex) => (hex.match(/..../g) ?? []).join(":"));
      const agent = agentOf(own, { name, addresses });
      await write((tx) => insertAgent(tx, agent));
      const { dialect } = database;
      const [before] = await write((tx) => takeReported(tx, dialect, [agent.id]));
      const source = summaryOf({
        ...{ started: "", ended: "", trigger: "", program: "" },
        report: {
          outcome: "updated",
          attempts: [
            { url: randomBytes(9_999).toString("latin1").replaceAll("\0", "ä"), outcome: "delivered" },
          ],
        },
      }).source as string;
      const after = { ...(before as ReportedRow), source, outcome: "updated" };
      await write((tx) => noteReported(tx, [before as ReportedRow], new Map([[agent.id, after]])));
      expect(await countAgents(database.db, { domain: own, q: addresses[0] })).toBe(1);
      expect(await countAgents(database.db, { domain: own, source: [source] })).toBe(1);
    });

    test("a text that holds NUL is kept without it", async () => {
      const own = await newDomain();
      const agent = agentOf(own, { name: "pc\0-1" });
      await write((tx) => insertAgent(tx, agent));
      expect((await findAgent(database.db, agent.id))?.name).toBe("pc\ufffd-1");
      expect(await countAgents(database.db, { domain: own, q: "c\0-" })).toBe(1);
    });

    test("rows that are written many at a time hold what those hold that are written one by one", async () => {
      const { db, dialect } = database;
      const own = await newDomain();
      const texts = [
        "",
        "'",
        '"',
        "\\u0000 \\ud800",
        "{}",
        "null",
        "1e3",
        "ä\u{1f600}\u2028",
        "\0|\ud800|\udc00",
      ];
      const shown = [...texts.slice(0, -1), "\ufffd|\ufffd|\ufffd"];
      const agents = texts.map((_, index) => agentOf(own, { id: `${own}-${index}` }));
      await write(async (tx) => {
        for (const agent of agents) await insertAgent(tx, agent);
      });
      const before = await write((tx) =>
        takeReported(
          tx,
          dialect,
          agents.map(({ id }) => id),
        ),
      );
      const after = before.map((row, index) => {
        const [text, port] = [texts[index] as string, index % 2 === 0 ? null : 21_112];
        const run = { startedAt: -1, endedAt: Number.MAX_SAFE_INTEGER };
        return {
          ...row,
          code: text,
          source: null,
          addresses: [`10.0.0.${index}`],
          dnsSuffixes: [text],
          port,
          run,
        };
      });
      await write((tx) => noteReported(tx, before, new Map(after.map((row) => [row.id, row]))));
      const written = await write((tx) =>
        takeReported(
          tx,
          dialect,
          agents.map(({ id }) => id),
        ),
      );
      expect(written).toEqual(
        after.map((row, index) => ({ ...row, code: shown[index], dnsSuffixes: [texts[index]] })),
      );
      expect(await countAgents(db, { domain: own, q: "10.0.0." })).toBe(texts.length);
    });

    test("runs are kept with their reports, newest first; the one that came last counts, whatever the agent's clock", async () => {
      const agent = agentOf(await newDomain());
      await write((tx) => insertAgent(tx, agent));
      const summaryAt = (endedAt: number, outcome: string) => ({
        startedAt: endedAt - 5,
        endedAt,
        trigger: "schedule",
        program: "0.1.0",
        outcome,
        code: null,
        bytes: 5_000_000_000,
        source: "ua-berlin",
        selfUrls: [],
        otherUrls: [],
        topic: "nearsource/news",
        addresses: ["10.1.2.4"],
        listVersion: 1,
        failing: outcome === "exhausted",
        used: "ua-berlin",
        freeBytes: 7_000_000_000,
        uptime: 5,
        contentVersion: 3,
        settingsVersion: null,
        paths: [{ to: "server", connectMs: 12, rate: null }],
      });
      for (const [at, receivedAt, outcome] of [
        [NOW + 10, NOW, "updated"],
        [NOW, NOW + 1, "exhausted"],
      ] as const) {
        const report = { started: "", ended: "", trigger: "", program: "" };
        const given = { agentId: agent.id, report, summary: summaryAt(at, outcome), address: "10.1.2.4" };
        const document = JSON.stringify({ at: "\0" });
        const means = {
          database,
          config: { reports: { perAgent: 5 } } as ServerConfig,
          now: () => receivedAt,
          random: randomBytes,
          bounds: new TrafficBounds(),
          known: new KnownUpdateAgents(),
        };
        await write((tx) => takeReports(tx, means, [{ ...given, document, receivedAt }]));
      }
      const runs = await listRuns(database.db, agent.id, { limit: 5 });
      expect(runs.map(({ endedAt, bytes, outcome }) => [endedAt, bytes, outcome])).toEqual([
        [NOW, 5_000_000_000, "exhausted"],
        [NOW + 10, 5_000_000_000, "updated"],
      ]);
      expect(runs[0]?.document).toEqual({ at: "\0" });
      const before = runs[0]?.sequence;
      expect(
        (await listRuns(database.db, agent.id, { before, limit: 5 })).map(({ outcome }) => outcome),
      ).toEqual(["updated"]);
      expect(await countRuns(database.db, agent.id)).toBe(2);
      expect(await findAgent(database.db, agent.id)).toMatchObject({
        reportedAt: NOW + 1,
        outcome: "exhausted",
        failing: true,
        freeBytes: 7_000_000_000,
        contentVersion: 3,
      });
      await write((tx) => deleteAgent(tx, agent.id));
      expect(await countRuns(database.db, agent.id)).toBe(0);
    });

    test("a limit that agents exceed is said also where the transaction that first said it was undone", async () => {
      const bounds = new TrafficBounds();
      const agent = agentOf(await newDomain());
      await write((tx) => insertAgent(tx, agent));
      const means = {
        ...{ database, config: { reports: { perAgent: 5 } } as ServerConfig, now: () => NOW },
        ...{ random: randomBytes, bounds, known: new KnownUpdateAgents() },
      };
      const take = (at: number) => {
        const started = new Date(at).toISOString();
        const report = { started, ended: started, trigger: "schedule", program: "0.1.0" };
        const given = { agentId: agent.id, report, summary: summaryOf(report), address: "10.1.2.4" };
        return async (tx: Tx) => {
          await takeReports(tx, means, [{ ...given, document: "{}", receivedAt: NOW }]);
        };
      };
      const said = () =>
        countOf(database.db.selectFrom("events").where("type", "=", "limit.reached").where("at", "=", NOW));
      const before = await said();
      bounds.exceeded.add("networks");
      const undone = write(async (tx) => {
        await take(1)(tx);
        throw new Error("undone");
      });
      await expect(undone).rejects.toThrow("undone");
      expect([await said(), [...bounds.exceeded]]).toEqual([before, ["networks"]]);
      await write(take(2));
      expect([await said(), [...bounds.exceeded]]).toEqual([before + 1, []]);
    });

    test("of a document every version is kept; those that are not published are known", async () => {
      const name = `list-${newId(randomBytes)}`;
      const versionOf = (version: number) => ({
        name,
        version,
        content: "{}\n",
        author: "ada",
        createdAt: NOW,
        note: "",
        effect: { moved: 3 },
      });
      await write((tx) => insertDocument(tx, versionOf(1)));
      await write((tx) => insertDocument(tx, versionOf(2)));
      await write((tx) => insertDocument(tx, versionOf(3_000_000_000)));
      expect(await findDocument(database.db, name, 2)).toEqual({ ...versionOf(2), publishedAt: null });
      expect(await findDocument(database.db, name, 2 ** 52)).toBeUndefined();
      const left = (await unpublishedDocuments(database.db)).filter((each) => each.name === name);
      expect(left.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual([1, 2, 3_000_000_000]);
      await markPublished(database.db, name, 2, NOW + 1);
      await deleteDocument(database.db, name, 1);
      await deleteDocument(database.db, name, 3_000_000_000);
      expect((await newestDocument(database.db, name))?.version).toBe(2);
      const versions = await listDocuments(database.db, name, { limit: 5 });
      expect(versions.map(({ version, publishedAt }) => [version, publishedAt])).toEqual([
        [2, NOW + 1],
        [1, NOW + 1],
      ]);
      const error = await write((tx) => insertDocument(tx, versionOf(2))).catch((thrown: unknown) => thrown);
      expect(database.dialect.isConflict(error)).toBe(true);
    });

    test("an enrolment token has as many uses as it was given, also when many are made at once", async () => {
      const token = {
        id: newId(randomBytes),
        hash: hashOfSecret(newSecret(randomBytes)),
        uses: 3,
        domain: await newDomain(),
        createdBy: "ada",
        createdAt: NOW,
        expiresAt: NOW + 1_000,
      };
      await write((tx) => insertEnrolmentToken(tx, token));
      expect(await write((tx) => useEnrolmentToken(tx, token.hash, NOW + 1_000))).toBeUndefined();
      const uses = await Promise.all(
        Array.from({ length: 8 }, () => write((tx) => useEnrolmentToken(tx, token.hash, NOW))),
      );
      expect(uses.filter((each) => each === token.domain)).toHaveLength(3);
      const { hash: _, ...shown } = token;
      expect(await listEnrolmentTokens(database.db)).toContainEqual({ ...shown, used: 3 });
      expect(await write((tx) => deleteEnrolmentToken(tx, token.id))).toBe(token.domain);
      expect(await write((tx) => deleteEnrolmentToken(tx, token.id))).toBeUndefined();
    });

    test("a session is of its user for as long as it lasts", async () => {
      const user = { id: newId(randomBytes), name: newId(randomBytes), role: "operator" as const };
      await write((tx) => insertUser(tx, { ...user, passwordHash: "x", now: NOW }));
      const session = { userId: user.id, now: NOW, expiresAt: NOW + 10, address: "::1", agent: "a browser" };
      const [first, second] = [newId(randomBytes), newId(randomBytes)];
      await write((tx) => insertSession(tx, { idHash: first, ...session }));
      await write((tx) => insertSession(tx, { idHash: second, ...session }));
      expect(await findSession(database.db, first, NOW)).toMatchObject({ userId: user.id, role: "operator" });
      expect(await findSession(database.db, first, NOW + 10)).toBeUndefined();
      await touchSession(database.db, first, NOW + 5, NOW + 20);
      expect(await findSession(database.db, first, NOW + 10)).toMatchObject({ seenAt: NOW + 5 });
      await write((tx) => deleteSession(tx, first));
      await write((tx) => deleteSessionsOf(tx, user.id, NOW));
      expect(await findSession(database.db, second, NOW)).toBeUndefined();
    });

    test("a user's name is unique, and administrators are counted while they may sign in", async () => {
      expect(await hasAdministrator(database.db)).toBe(false);
      const user = { id: newId(randomBytes), name: "ada", role: "administrator" as const };
      await write((tx) => insertUser(tx, { ...user, passwordHash: "x", now: NOW }));
      expect(await hasAdministrator(database.db)).toBe(true);
      expect(await findUserByName(database.db, "ada")).toMatchObject({ createdAt: NOW, passwordHash: "x" });
      expect(await findUserByName(database.db, "Ada")).toBeUndefined();
      expect(await write((tx) => setPassword(tx, user.id, "y"))).toBe(true);
      expect(await write((tx) => setPassword(tx, "nobody", "y"))).toBe(false);
      const again = write((tx) => insertUser(tx, { ...user, id: "other", passwordHash: "x", now: NOW }));
      expect(database.dialect.isConflict(await again.catch((thrown: unknown) => thrown))).toBe(true);
    });

    test("the audit log keeps what was changed in its order", async () => {
      const by = { actor: "ada", actorKind: "user", actorId: "u1" } as const;
      const entry = { at: NOW, ...by, address: "::1", subject: "it", detail: { a: [1, null] } };
      for (const operation of ["one", "two", "three"]) {
        await write((tx) => insertAudit(tx, { ...entry, operation }));
      }
      const [last, ...others] = await listAudit(database.db, { limit: 3 });
      expect(last).toEqual({ ...entry, operation: "three", sequence: expect.any(Number) });
      expect(others.map(({ operation }) => operation)).toEqual(["two", "one"]);
      const rest = await listAudit(database.db, { before: last?.sequence, limit: 1 });
      expect(rest.map(({ operation }) => operation)).toEqual(["two"]);
    });

    test("a transaction that fails leaves nothing, and its after-effects do not happen", async () => {
      const name = domain();
      const acts: string[] = [];
      const failing = transact(database.db, async (tx, afterCommit) => {
        await tx.insertInto("domains").values({ name, created_at: NOW }).execute();
        afterCommit(() => acts.push("happened"));
        throw new Error("no");
      });
      await expect(failing).rejects.toThrow("no");
      const found = await database.db.selectFrom("domains").where("name", "=", name).select("name").execute();
      expect([found, acts]).toEqual([[], []]);
    });

    test("agents are retired, planned and heard of at the same time, and nobody waits for another for ever", async () => {
      const { db, dialect } = database;
      const own = await newDomain();
      const agents = Array.from({ length: 300 }, () => agentOf(own));
      const ids = agents.map(({ id }) => id);
      await write(async (tx) => {
        for (const agent of agents) await insertAgent(tx, agent);
      });
      const planned = await plannedAgents(db, { after: "", limit: 10_000, due: true });
      const plans = planned.filter(({ id }) => ids.includes(id));
      expect(plans).toHaveLength(300);
      const [before, most] = [NOW + 1, 1_000];
      for (let round = 0; round < 15; round++) {
        const now = NOW + round;
        const retired = write((tx) => retireAgents(tx, dialect, { before, now, most }));
        const both = [...plans, ...plans.toReversed()].map((agent) => ({
          agent,
          planned: `source ${round}`,
          plannedUrl: null,
        }));
        const [some, others] = [both.slice(0, 300), both.slice(300)];
        await Promise.all([
          retired,
          write((tx) => notePolls(tx, dialect, ids.toReversed(), NOW)),
          write((tx) => putPlanned(tx, dialect, some, { now, listVersion: 0 })),
          write((tx) => putPlanned(tx, dialect, others, { now, listVersion: 0 })),
        ]);
        expect(await retired).toBeGreaterThanOrEqual(round === 0 ? 300 : 0);
      }
      const due = await plannedAgents(db, { after: "", limit: 10_000, due: true });
      expect(due.filter(({ id }) => ids.includes(id))).toEqual([]);
    });

    test("an agent that has moved since its order was computed stays to be planned again", async () => {
      const { db, dialect } = database;
      const agent = agentOf(await newDomain());
      await write((tx) => insertAgent(tx, agent));
      const planOf = async () =>
        (await plannedAgents(db, { after: "", limit: 10_000, due: false })).find(({ id }) => id === agent.id);
      const old = (await planOf()) as PlannedAgent;
      await write((tx) => moveAgent(tx, agent.id, old.domain));
      await write((tx) => renewAgent(tx, agent.id, { ...agent, addresses: ["10.9.9.9"] }));
      await write((tx) =>
        putPlanned(tx, dialect, [{ agent: old, planned: "ua-1", plannedUrl: null }], {
          now: NOW,
          listVersion: 0,
        }),
      );
      expect(await planOf()).toMatchObject({ planned: "ua-1", isDue: true });
      const moved = (await planOf()) as PlannedAgent;
      await write((tx) =>
        putPlanned(tx, dialect, [{ agent: moved, planned: "ua-2", plannedUrl: "http://ua-2" }], {
          now: NOW,
          listVersion: 0,
        }),
      );
      expect(await planOf()).toMatchObject({ planned: "ua-2", plannedUrl: "http://ua-2", isDue: false });
    });

    test("of those who read before they write, each sees what the one before wrote", async () => {
      const name = `counted-${newId(randomBytes)}`;
      const count = () =>
        write(async (tx) => {
          await takeTurn(tx, `document ${name}`);
          const version = ((await newestDocument(tx, name))?.version ?? 0) + 1;
          const row = { name, version, content: "{}", author: "", createdAt: NOW, note: "", effect: null };
          await insertDocument(tx, row);
        });
      await Promise.all(Array.from({ length: 8 }, count));
      expect((await newestDocument(database.db, name))?.version).toBe(8);
    });
  });
});
