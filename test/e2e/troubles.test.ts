import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeAuthority, writeCertificate } from "../real/certificates.ts";
import { nearsource } from "../real/commandLine.ts";
import { NO_BROWSER, openSignedIn, seriousFindings, shot, stopBrowser } from "../support/browser.ts";
import { type FilledConsole, fillConsole } from "../support/filledConsole.ts";

const SOON = { timeout: 30_000 };

describe.skipIf(NO_BROWSER)(`trouble${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: FilledConsole;
  beforeAll(async () => {
    world = await fillConsole();
  });
  afterAll(async () => {
    await world?.close();
    await stopBrowser();
  });

  async function opened(place: string) {
    const found = await openSignedIn(world.url, world.cookie);
    found.page.setDefaultTimeout(30_000);
    await found.page.goto(place);
    await found.page.locator("main h1").waitFor();
    return found;
  }

  // Before a list is saved: agents whose last run went by an older one are no deviation.
  test("who does not do what the list says is listed with the reason, each", async () => {
    const { page, faults, close } = await opened("/agents");
    await page.getByRole("button", { name: "Does not do what the list says" }).click();
    const row = page.getByRole("row", { name: /lyon-ws-0003/ });
    await row
      .getByText(/ua-lyon is first by clause 1; server was used by clause 2 since .*refused/)
      .waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "deviating");
    expect(faults).toEqual([]);
    await close();
  });

  test("a server that stops while a list is edited is named, loses nothing, and is there again by itself", {
    timeout: 120_000,
  }, async () => {
    const { page, close } = await opened("/update-source?open=new");
    const drawer = page.getByRole("dialog", { name: "New entry" });
    await drawer.getByLabel("First address, or a prefix").fill("10.99.0.0/16");
    await world.stop();
    await page.getByText(/^No connection to the server/).waitFor();
    await page.getByText(/nothing that you typed is lost/).waitFor();

    // The form goes on, and a save says that it could not be made.
    await drawer.getByRole("button", { name: "Add entry" }).click();
    const save = page.getByRole("complementary").getByRole("button", { name: /^Save version/ });
    await save.click();
    await page.getByText("OFFLINE").waitFor();
    // Nobody is told that all is well where nothing could be computed.
    const effect = page.getByRole("region", { name: "Effect of saving" });
    await effect.getByText(/^The effect could not be computed: the server does not answer/).waitFor();
    expect(await effect.textContent()).not.toMatch(/Nothing is odd|computed in/);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "offline");

    await world.restart();
    await page.getByText(/^No connection to the server/).waitFor({ state: "detached" });
    await page.getByRole("row").filter({ hasText: "10.99.0.0/16" }).getByText("added").waitFor();
    await effect.getByText(/^computed in/).waitFor();
    await save.click();
    await page.getByText(/is signed and in force\.$/).waitFor();
    expect((await world.call("GET", "/source-list")).body.list.entries.at(-1).range).toBe("10.99.0.0/16");
    await close();
  });

  test("a token that ends soon is said where people look first; the root is renewed by the commands of the page", {
    timeout: 120_000,
  }, async () => {
    const expires = Date.now() + 3 * 86_400_000;
    await world.call("POST", "/api-tokens", { name: "monitoring", role: "viewer", expires });
    const { page, faults, close } = await opened("/");
    const needs = page.getByRole("region", { name: "Needs you" });
    await needs.getByText(/API token monitoring ends in/).waitFor();
    await needs.getByRole("link", { name: "Expiries" }).first().click();
    await page.getByRole("row", { name: /^API token monitoring.*Make another one/ }).waitFor();

    const rootRow = page.getByRole("row", { name: /^settings root/ });
    const before = await rootRow.locator("time").getAttribute("datetime");
    await page.getByText("Step by step, in three commands").click();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "expiries");
    await page.setViewportSize({ width: 360, height: 800 });
    await shot(page, "expiries-360");
    const folder = path.dirname(world.dir);
    const key = path.join(folder, "root.pem");
    await fs.rename(path.join(world.dir, "keys", "root", "root.pem"), key);
    for (const command of await page.locator("pre code").allTextContents()) {
      const [program, ...args] = command
        .replaceAll("DIR", world.dir)
        .replace("next-root.json", path.join(folder, "next-root.json"))
        .replace("root.pem", key)
        .split(" ");
      expect(program).toBe("nearsource");
      const { code, stderr } = await nearsource(...args);
      expect(code, stderr).toBe(0);
    }
    await expect
      .poll(async () => {
        await page.reload();
        return await rootRow.locator("time").getAttribute("datetime");
      }, SOON)
      .not.toBe(before);
    expect(faults).toEqual([]);
    await close();
  });

  test("a certificate that ends soon is said by Needs you, Expiries and the health, until the next one is there", {
    timeout: 120_000,
  }, async () => {
    const folder = path.dirname(world.dir);
    const authority = await makeAuthority(folder, "site");
    const tls = await writeCertificate(folder, await authority.issue({ until: 5 }));
    const config = path.join(world.dir, "server.json");
    const written = JSON.parse(await fs.readFile(config, "utf8"));
    await fs.writeFile(config, JSON.stringify({ ...written, agents: { ...written.agents, tls } }));
    await world.restart();
    const health = async () => (await fetch(`${world.url}/healthz`)).json();
    await expect.poll(health, SOON).toMatchObject({ ok: true, ending: ["certificate"] });
    const { page, faults, close } = await opened("/");
    const needs = page.getByRole("region", { name: "Needs you" });
    await needs.getByText(/The certificate of agents\.tls ends in \d/).waitFor();
    await needs.getByText("Put the next one, and its key, into the same files").waitFor();
    await needs.getByRole("link", { name: "Expiries" }).first().click();
    const row = page.getByRole("row", { name: /^certificate of agents\.tls/ });
    await row.getByText("Put the next one, and its key, into the same files").waitFor();
    const next = await authority.issue({ until: 365 });
    for (const part of ["cert", "key"] as const) await fs.writeFile(tls[part], next[part]);
    await world.server.reload();
    await page.goto("/");
    await needs.getByText(/certificate/).waitFor({ state: "detached" });
    await fs.writeFile(config, JSON.stringify(written));
    await world.restart();
    expect(faults).toEqual([]);
    await close();
  });

  test("the audit log says who did what to whom by names, and is downloaded whole by its links", async () => {
    const id = world.agents.get("vpn-ws-0002")?.id;
    await world.call("PATCH", `/agents/${id}`, { domain: "lyon" });
    await world.call("PATCH", `/agents/${id}`, { domain: "vpn" });
    const { page, faults, close } = await opened("/logs");
    await page.getByText("Moved to another domain: vpn-ws-0002").first().waitFor();
    await page.getByText("Enrolled vpn-ws-0002").waitFor();
    await page.getByText("Made an enrolment token for the domain berlin").waitFor();
    for (const [name, begin] of [
      ["Export CSV", "sequence,at,actor"],
      ["JSON lines", '{"sequence":1,'],
    ] as const) {
      const coming = page.waitForEvent("download");
      await page.getByRole("link", { name }).click();
      const text = await fs.readFile(await (await coming).path(), "utf8");
      expect(text.slice(0, begin.length), name).toBe(begin);
      expect(text).toContain("vpn-ws-0002");
    }
    // Of an agent: how old is what it trusts.
    await page.goto(`/agents/${world.agents.get("berlin-ws-0002")?.id}`);
    await world.report("berlin-ws-0002", [], { held: { content: 12, settings: 3 } });
    await page.reload();
    await page.getByText("content 12, settings 3").waitFor();
    expect(faults).toEqual([]);
    await close();
  });

  test("what if an Update Agent dies is answered from the report, and for a draft that nobody saved", {
    timeout: 120_000,
  }, async () => {
    const { page, faults, close } = await opened("/report");
    await page
      .getByRole("row", { name: /^ua-berlin/ })
      .getByRole("link", { name: "What if it dies" })
      .click();
    await page
      .getByText(/ua-berlin/)
      .first()
      .waitFor();
    const where = page.getByRole("region", { name: "Who goes where" });
    await where.getByText("from ua-berlin to server").waitFor();
    await shot(page, "drill");

    // By a draft in which Lyon's Update Agent is second for Berlin, they would go there.
    await page.getByRole("link", { name: "Update Source", exact: true }).click();
    await page.getByRole("link", { name: "Add…" }).first().click();
    const drawer = page.getByRole("dialog", { name: "New entry" });
    await drawer.getByLabel("First address, or a prefix").fill("10.1.0.0/16");
    await drawer.getByLabel("Holder of the role").selectOption("ua-lyon");
    await drawer.getByRole("button", { name: "Add entry" }).click();
    await drawer.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "What if this one dies" }).click();
    await page.getByLabel("ua-berlin").check();
    await page.getByRole("button", { name: "Your draft" }).click();
    await where.getByText("from ua-berlin to ua-lyon").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "List in force" }).click();
    await where.getByText("from ua-berlin to server").waitFor();
    expect(faults).toEqual([]);
    await close();
  });
});
