import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../../src/server/store/database.ts";
import { insertAgent } from "../../../src/server/store/fleet/agentStore.ts";
import {
  deleteOtherSessions,
  deleteOwnSession,
  insertSession,
  listSessions,
} from "../../../src/server/store/people/sessionStore.ts";
import {
  deleteApiToken,
  findApiToken,
  insertApiToken,
  listApiTokens,
  noteApiTokenUse,
} from "../../../src/server/store/people/tokenStore.ts";
import {
  deleteUser,
  findUser,
  insertUser,
  listUsers,
  updateUser,
} from "../../../src/server/store/people/userStore.ts";
import {
  deleteDomain,
  findDomain,
  insertDomain,
  isDomainUsed,
  listDomains,
  updateDomain,
} from "../../../src/server/store/settings/domainStore.ts";
import {
  deleteHandGrant,
  findHandGrant,
  putHandGrant,
} from "../../../src/server/store/settings/grantStore.ts";
import {
  deletePolicy,
  findPolicy,
  joinPolicies,
  leavePolicies,
  listPolicies,
  type Policy,
  putPolicy,
} from "../../../src/server/store/settings/policyStore.ts";
import { type Tx, transact } from "../../../src/server/store/transaction.ts";
import { databases } from "../../support/databases.ts";

/** A moment of this century: more than 32 bits of milliseconds. */
const NOW = 1_795_000_000_000;

describe.for(databases())("on $name", ({ isHere, open }) => {
  describe.skipIf(!isHere)("every store function does the same:", () => {
    let database: Database;
    const write = <Result>(work: (tx: Tx) => Promise<Result>) => transact(database.db, work);

    beforeAll(async () => {
      database = await open();
      await write((tx) => insertDomain(tx, { name: "berlin", comment: "a branch", now: NOW }));
      await write((tx) => insertDomain(tx, { name: "Lyon", comment: "", now: NOW }));
      const own = { fingerprint: "f", domain: "berlin", secretHash: "s", addresses: [], program: "1" };
      await write((tx) => insertAgent(tx, { ...own, id: "pc-1", name: "pc-1", now: NOW, cloneOf: null }));
    });

    const policy: Policy = {
      id: "p",
      name: "branches",
      version: 1,
      targets: { domains: ["Lyon", "berlin"], agents: ["pc-1"] },
      settings: { activeUpdate: true },
      updateAgent: { kinds: ["components"] },
      author: "ada",
      changedAt: NOW,
    };

    test("a policy is of its domains and agents, and leaves nothing behind", async () => {
      await write((tx) => putPolicy(tx, policy));
      expect(await findPolicy(database.db, "p")).toEqual(policy);
      const next = { ...policy, version: 2, targets: { domains: ["berlin"], agents: ["pc-1"] } };
      await write((tx) => putPolicy(tx, next));
      expect(await listPolicies(database.db)).toEqual([next]);
      expect(await listDomains(database.db)).toMatchObject([
        { name: "Lyon", agents: 0, policy: null },
        { name: "berlin", agents: 1, policy: { id: "p", name: "branches" }, createdAt: NOW, version: 1 },
      ]);
      expect(await write((tx) => leavePolicies(tx, "pc-1"))).toEqual(["p"]);
      expect((await findPolicy(database.db, "p"))?.targets.agents).toEqual([]);
      await write((tx) => joinPolicies(tx, "pc-1", ["p"]));
      await write((tx) => deletePolicy(tx, "p"));
      expect((await findDomain(database.db, "berlin"))?.policy).toBeNull();
    });

    test("a domain changes from the version that it has, and from no other", async () => {
      const change = { name: "Lyon", comment: "another", version: 1 };
      expect(await write((tx) => updateDomain(tx, change))).toBe(true);
      expect(await write((tx) => updateDomain(tx, change))).toBe(false);
      expect(await findDomain(database.db, "Lyon")).toMatchObject({ comment: "another", version: 2 });
      expect(await write((tx) => isDomainUsed(tx, "berlin"))).toBe(true);
      expect(await write((tx) => isDomainUsed(tx, "Lyon"))).toBe(false);
      await write((tx) => deleteDomain(tx, "Lyon"));
      expect(await findDomain(database.db, "Lyon")).toBeUndefined();
    });

    test("a grant replaces the one before", async () => {
      const grant = { agent: "pc-1", kinds: ["components" as const], author: "ada", grantedAt: NOW };
      await write((tx) => putHandGrant(tx, grant));
      await write((tx) => putHandGrant(tx, { ...grant, kinds: ["settings"] }));
      expect(await findHandGrant(database.db, "pc-1")).toEqual({ ...grant, kinds: ["settings"] });
      expect(await write((tx) => deleteHandGrant(tx, "pc-1"))).toBe(true);
      expect(await write((tx) => deleteHandGrant(tx, "pc-1"))).toBe(false);
    });

    test("a user is changed and deleted, and the sessions go along", async () => {
      const user = { id: "u", name: "ada", role: "viewer" as const };
      await write((tx) => insertUser(tx, { ...user, passwordHash: "x", now: NOW }));
      await write((tx) => updateUser(tx, "u", { role: "operator", disabledAt: NOW }));
      expect(await findUser(database.db, "u")).toMatchObject({ role: "operator", disabledAt: NOW });
      const session = { userId: "u", expiresAt: NOW + 10, address: "::1", agent: "a browser" };
      for (const [index, idHash] of ["one", "two", "three"].entries()) {
        await write((tx) => insertSession(tx, { idHash, ...session, now: NOW + index }));
      }
      const ids = async () => (await listSessions(database.db, "u", NOW)).map(({ id }) => id);
      expect(await ids()).toEqual(["three", "two", "one"]);
      expect(await write((tx) => deleteOwnSession(tx, "other", "one"))).toBe(false);
      expect(await write((tx) => deleteOwnSession(tx, "u", "one"))).toBe(true);
      await write((tx) => deleteOtherSessions(tx, "u", "two"));
      expect(await ids()).toEqual(["two"]);
      await write((tx) => deleteUser(tx, "u"));
      expect([await listUsers(database.db), await ids()]).toEqual([[], []]);
    });

    test("an API token is known by its hash until it is taken back", async () => {
      const token = { id: "t", name: "inventory", role: "viewer" as const, createdBy: "ada", createdAt: NOW };
      const scope = ["agents", "read"];
      const maker = { id: "m", name: "ada", role: "operator" as const, passwordHash: "x", now: NOW };
      await write((tx) => insertUser(tx, maker));
      await write((tx) =>
        insertApiToken(tx, { ...token, expiresAt: NOW + 10, hash: "h", scope, makerId: "m" }),
      );
      await noteApiTokenUse(database.db, "t", NOW);
      expect(await findApiToken(database.db, "h", NOW)).toMatchObject({ id: "t", usedAt: NOW, scope });
      expect(await findApiToken(database.db, "h", NOW + 10)).toBeUndefined();
      const kept = { ...token, expiresAt: NOW + 10, usedAt: NOW, scope };
      expect(await listApiTokens(database.db, NOW)).toEqual([{ ...kept, stopped: null }]);
      expect(await listApiTokens(database.db, NOW + 10)).toMatchObject([{ stopped: "expired" }]);
      expect(await write((tx) => deleteApiToken(tx, "t"))).toBe("inventory");
      expect(await write((tx) => deleteApiToken(tx, "t"))).toBeUndefined();
    });
  });
});
