import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NO_BROWSER, openPage, seriousFindings, stopBrowser } from "../support/browser.ts";
import { type FilledConsole, fillConsole, LIST } from "../support/filledConsole.ts";

describe.skipIf(NO_BROWSER)(`Update Source${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: FilledConsole;
  beforeAll(async () => {
    world = await fillConsole();
  });
  afterAll(async () => {
    await world?.close();
    await stopBrowser();
  });

  /** A page as the administrator has it, with nothing of another test in its memory. */
  async function opened(place: string, cookie = world.cookie) {
    const found = await openPage(world.url);
    const [name = "", value = ""] = cookie.split("=");
    await found.page.context().addCookies([{ name, value, url: world.url }]);
    await found.page.goto(place);
    await found.page.locator("main h1").waitFor();
    return found;
  }

  const inForce = async () => (await world.call("GET", "/source-list")).body;
  /** Puts the list of the fleet in force, whatever a test before has done. */
  async function reset(list: object = LIST) {
    const { version } = await inForce();
    await world.call("PUT", "/source-list", list, { "if-match": `"${version}"` });
    return version + 1;
  }
  const save = (page: Page) => page.getByRole("complementary").getByRole("button", { name: /^Save version/ });
  const row = (page: Page, text: string) => page.getByRole("row").filter({ hasText: text });
  const effect = (page: Page) => page.getByRole("region", { name: "Effect of saving" });

  test("makes an agent an Update Agent by three ticks, and offers it in the list", async () => {
    await reset();
    const { page, faults, close } = await opened("/agents?q=vpn-ws-0001");
    await page.getByLabel("Select vpn-ws-0001").check();
    await page.getByRole("button", { name: "Update Agent Settings…" }).click();
    const dialog = page.getByRole("dialog", { name: "Update Agent Settings" });
    await dialog.getByLabel("Component updates").check();
    // Another administrator changes something of the agents: the page reads them again, and no tick is lost.
    const readAgain = page.waitForResponse(/update-agents$/);
    const other = (await world.call("GET", "/agents?q=berlin&limit=1")).body.items[0];
    await world.call("PUT", `/agents/${other.id}/update-agent`, { kinds: ["settings"] });
    await (await readAgain).finished();
    for (const kind of ["Domain settings", "Agent programs and hot fixes"]) {
      await dialog.getByLabel(kind).check();
    }
    await dialog.getByRole("button", { name: "Save for 1 agent" }).click();
    await dialog.waitFor({ state: "detached" });
    await row(page, "vpn-ws-0001").getByText("Update Agent", { exact: true }).waitFor();

    await page.getByRole("link", { name: "Update Source", exact: true }).click();
    await page.getByRole("link", { name: "Add…" }).click();
    const drawer = page.getByRole("dialog", { name: "New entry" });
    await drawer.getByLabel("First address, or a prefix").fill("10.8.0.10");
    await drawer.getByLabel("Last address").fill("10.8.0.99");
    await drawer.getByLabel("Holder of the role").selectOption("vpn-ws-0001");
    await drawer.getByLabel("by the Update Agent's host name (recommended)").check();
    expect(await seriousFindings(page)).toEqual([]);
    await drawer.getByRole("button", { name: "Add entry" }).click();
    await row(page, "10.8.0.10-10.8.0.99").getByText("added").waitFor();
    await save(page).click();
    await page.getByText(/^Version \d+ is signed and in force\.$/).waitFor();
    const { list } = await inForce();
    expect(list.entries.at(-1)).toEqual({
      range: "10.8.0.10-10.8.0.99",
      name: "vpn-ws-0001",
      url: "http://vpn-ws-0001:21112",
      kinds: expect.arrayContaining(["components", "settings", "programs"]),
    });
    expect(faults).toEqual([]);
    await close();
    await world.call("DELETE", `/agents/${world.agents.get("vpn-ws-0001")?.id}/update-agent`);
  });

  test("says who moves before it is saved, in numbers and names, and afterwards it is so", async () => {
    await reset();
    const { page, close } = await opened("/update-source");
    await row(page, "10.1.0.0/16").getByRole("button", { name: "Actions for entry 1" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await effect(page)
      .getByText(/13 agents/)
      .first()
      .waitFor();
    await effect(page).getByText("from ua-berlin to server").waitFor();
    await save(page).click();
    await page.getByText(/is signed and in force\.$/).waitFor();
    expect((await inForce()).list.entries).toHaveLength(2);
    await page.getByRole("link", { name: "History" }).click();
    await page.getByRole("row").nth(1).getByRole("link").click();
    await page.getByText("removed").waitFor();
    await page.getByText("from ua-berlin to server").waitFor();
    await close();
  });

  test("names what is wrong at its field, and saves no list that agents would refuse", async () => {
    await reset();
    const { page, close } = await opened("/update-source?open=new");
    const drawer = page.getByRole("dialog", { name: "New entry" });
    await drawer.getByLabel("First address, or a prefix").fill("10.1.0.9");
    await drawer.getByLabel("Last address").fill("10.1.0.1");
    await drawer.getByRole("button", { name: "Add entry" }).click();
    await drawer.getByText("ends before it begins").waitFor();
    expect(await drawer.getByLabel("First address, or a prefix").getAttribute("aria-invalid")).toBe("true");
    await drawer.getByLabel("Last address").fill("10.1.0.19");
    await drawer.getByRole("button", { name: "Add entry" }).click();
    await drawer.waitFor({ state: "detached" });
    await row(page, "10.1.0.9-10.1.0.19").waitFor();
    await close();
  });

  test("is one tab stop: keys move between rows, move an entry, take it back and do it again", async () => {
    await reset();
    const { page, close } = await opened("/update-source");
    const ranges = () =>
      page
        .getByRole("row")
        .filter({ has: page.getByRole("link") })
        .getByRole("link")
        .allTextContents();
    await row(page, "10.1.0.0/16").focus();
    await page.keyboard.press("Alt+ArrowDown");
    await expect.poll(ranges).toEqual(["10.2.0.0/16", "10.1.0.0/16", "10.8.0.0/16"]);
    await page.keyboard.press("Alt+ArrowDown");
    await expect.poll(ranges).toEqual(["10.2.0.0/16", "10.8.0.0/16", "10.1.0.0/16"]);
    await expect.poll(() => page.locator("#say").textContent()).toBe("Now entry 3 of 3");
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    await expect.poll(ranges).toEqual(["10.1.0.0/16", "10.2.0.0/16", "10.8.0.0/16"]);
    await page.keyboard.press("Control+Shift+z");
    await expect.poll(ranges).toEqual(["10.2.0.0/16", "10.1.0.0/16", "10.8.0.0/16"]);
    await close();
  });

  test("moves an entry that is dragged by its handle", async () => {
    await reset();
    const { page, close } = await opened("/update-source");
    const [from, to] = [row(page, "10.8.0.0/16"), row(page, "10.1.0.0/16")];
    // What is said of entries makes their rows taller: they stay where they are once it is there.
    await expect.poll(() => from.textContent()).toContain("agents");
    const [start, end] = [await from.locator("[data-handle]").boundingBox(), await to.boundingBox()];
    await page.mouse.move((start?.x ?? 0) + 5, (start?.y ?? 0) + 5);
    await page.mouse.down();
    await page.mouse.move((end?.x ?? 0) + 30, (end?.y ?? 0) + 4, { steps: 8 });
    await page.mouse.up();
    await expect.poll(() => page.getByRole("row").nth(1).textContent()).toContain("10.8.0.0/16");
    await close();
  });

  test("asks what really collides when two people save, and loses neither change", async () => {
    const version = await reset();
    const { page, close } = await opened("/update-source");
    await row(page, "10.2.0.0/16").getByRole("link").click();
    const drawer = page.getByRole("dialog", { name: "Entry" });
    await drawer.getByLabel("Agent programs and hot fixes").check();
    await drawer.getByRole("button", { name: "Change entry" }).click();
    const theirs = {
      ...LIST,
      entries: [...LIST.entries, { range: "10.9.0.0/16", url: "https://updates.vendor.example" }],
    };
    await world.call("PUT", "/source-list", theirs, { "if-match": `"${version}"` });
    const question = page.getByRole("alert").filter({ hasText: "while you were editing" });
    await question.getByText("Your change and theirs fit together.").waitFor();
    await question.getByRole("button", { name: /^Put together/ }).click();
    await question.waitFor({ state: "detached" });
    await save(page).click();
    await page.getByText(/is signed and in force\.$/).waitFor();
    const { list } = await inForce();
    expect(list.entries).toHaveLength(4);
    expect(list.entries[1].kinds).toContain("programs");
    await close();
  });

  test("keeps what was typed over a reload, an ended session and a server that restarts", async () => {
    await reset();
    const { page, close } = await opened("/update-source");
    await row(page, "10.8.0.0/16").getByRole("button", { name: "Actions for entry 3" }).click();
    await page.getByRole("menuitem", { name: "Move to the top" }).click();
    await page.reload();
    await expect.poll(() => page.getByRole("row").nth(1).textContent()).toContain("10.8.0.0/16");
    await page.context().clearCookies();
    await save(page).click();
    const again = page.getByRole("dialog", { name: "Sign in" });
    await again.getByLabel("Name").fill("ada");
    await again.getByLabel("Password").fill("correct horse battery");
    await again.getByRole("button", { name: "Sign in" }).click();
    await again.waitFor({ state: "detached" });
    await world.restart();
    await expect.poll(() => page.getByRole("row").nth(1).textContent()).toContain("10.8.0.0/16");
    await save(page).click();
    await page.getByText(/is signed and in force\.$/).waitFor();
    expect((await inForce()).list.entries[0].range).toBe("10.8.0.0/16");
    await close();
  });

  test("takes over a list of Apex Central, which nobody has saved before it is looked at", async () => {
    const version = await reset();
    const { page, close } = await opened("/update-source?open=import");
    const dialog = page.getByRole("dialog", { name: "Import a list" });
    await dialog.getByLabel("Or its text").fill(apexList(300));
    await dialog.getByText("300 entries").waitFor();
    await dialog.getByRole("button", { name: "Put into the draft" }).click();
    await page.getByText("300 of 1,024 entries").waitFor();
    expect((await inForce()).version).toBe(version);
    await close();
  });

  test("shows a viewer the list, and no button that would be refused", async () => {
    await reset();
    const { page, close } = await opened("/update-source", await world.signIn("viewer"));
    await row(page, "10.1.0.0/16").waitFor();
    for (const name of [/^Save/, /^Add/, /^Notify/, /^Actions/, /^Discard/]) {
      expect(await page.getByRole("button", { name }).count(), String(name)).toBe(0);
    }
    expect(await page.getByRole("link", { name: "Add…" }).count()).toBe(0);
    await close();
  });

  test("answers what would happen to an address as it is typed, by the list as it stands", async () => {
    await reset();
    const { page, close } = await opened("/update-source");
    await page.getByLabel("An agent or an address").fill("10.2.7.7");
    const answer = page.getByRole("region", { name: "What would happen to…" });
    await answer.getByText("ua-lyon").waitFor();
    expect(
      (await answer.getByRole("listitem").allTextContents()).map((text) => text.replaceAll(/\s+/g, " ")),
    ).toEqual([
      expect.stringMatching(/^ua-lyon for components: clause 1.*entry 2/),
      expect.stringMatching(/^the server for all three kinds: clause 2/),
    ]);
    await page.getByLabel("An agent or an address").fill("berlin-ws-0002");
    await answer.getByText("ua-berlin").waitFor();
    await close();
  });

  test("notifies all agents, and says who could not be reached", async () => {
    await reset();
    const { page, close } = await opened("/update-source");
    await page.getByRole("link", { name: "Notify All Agents" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Notify", exact: true }).click();
    await page.getByRole("heading", { name: "Notification" }).waitFor();
    await page.getByRole("region", { name: "Could not be reached" }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await close();
  });
});

/** What `cmd_deploy_update_sources` takes: a list in a string within JSON. */
function apexList(entries: number): string {
  const list = Array.from({ length: entries }, (_, index) => ({
    IPType: 0,
    FromIP: `10.${Math.floor(index / 250)}.${index % 250}.1`,
    ToIP: `10.${Math.floor(index / 250)}.${index % 250}.254`,
    OUS: `http://ua-${index}.corp.example:8080/activeupdate`,
  }));
  return JSON.stringify({
    act: "cmd_deploy_update_sources",
    Payload: {
      OUSSettingJSONString: JSON.stringify({
        AllowUpdateFromOtherAU: true,
        OUSList: list,
        UpdateComponentFromServerIfOUSFailed: 1,
        UpdateSettingFromServerIfOUSFailed: 1,
        UpdateProgramFromServerIfOUSFailed: 0,
      }),
    },
  });
}
