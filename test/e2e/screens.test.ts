import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { may, type Role } from "../../src/console/api/may.ts";
import { hrefOf, LINKS, type ScreenName } from "../../src/console/screenLinks.ts";
import { SCREENS } from "../../src/console/screens.ts";
import {
  NO_BROWSER,
  openPage,
  seriousFindings,
  shot,
  stopBrowser,
  type WatchedPage,
} from "../support/browser.ts";
import { type FilledConsole, fillConsole, LIST } from "../support/filledConsole.ts";

const ROLES: Role[] = ["viewer", "operator", "administrator"];
const LOOKS = [360, 1_280, 2_560].flatMap((width) => [
  { width, dark: false },
  { width, dark: true },
]);
/** Every dialog, with what leads to it: a button or link, and the item of its menu. */
const DIALOGS: {
  at: string;
  select?: string;
  press: string | RegExp;
  item?: string;
  dialog: string | RegExp;
}[] = [
  { at: "/update-source", press: "Add…", dialog: "New entry" },
  { at: "/update-source", press: "10.1.0.0/16", dialog: "Entry" },
  { at: "/update-source", press: "More", item: "Import a list…", dialog: "Import a list" },
  { at: "/update-source", press: "Actions for entry 1", item: "Move to position…", dialog: /^Move / },
  { at: "/update-source", press: "Notify All Agents", dialog: "Notify All Agents" },
  { at: "/update-source/history?version=1", press: "Restore…", dialog: "Restore version 1?" },
  {
    at: "/agents",
    select: "Select ua-berlin",
    press: "Update Agent Settings…",
    dialog: "Update Agent Settings",
  },
  { at: "/agents", select: "Select ua-berlin", press: "Move to domain…", dialog: "Move to domain" },
  { at: "agent", press: "Notify", dialog: "Notification" },
  { at: "agent", press: "Settings", item: "Delete…", dialog: /^Delete / },
  { at: "policy", press: "Delete…", dialog: "Delete VPN?" },
  { at: "/policies", press: "New domain…", dialog: /domain/i },
  { at: "/policies", press: "Delete…", dialog: /^Delete / },
  { at: "release", press: "Stages…", dialog: "Stages of pattern" },
  { at: "release", press: "Halt…", dialog: "Halt 1.1?" },
  { at: "release", press: "Roll back…", dialog: /^Roll / },
  { at: "/people", press: "Add user…", dialog: "Add a user" },
  { at: "/people?tab=tokens", press: "New token…", dialog: "New API token" },
  { at: "/webhooks", press: "New webhook…", dialog: "New webhook" },
  { at: "/enrolment", press: "Revoke…", dialog: "Revoke this token?" },
];
const screens = Object.keys(SCREENS) as ScreenName[];

describe.skipIf(NO_BROWSER)(`every screen${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: FilledConsole;
  let params: Record<string, Record<string, string>>;
  const cookies = new Map<Role, string>();

  beforeAll(async () => {
    world = await fillConsole();
    // A version before the newest, which can be restored.
    await world.call("PUT", "/source-list", LIST, { "if-match": '"1"' });
    await world.call("POST", "/domains", { name: "empty" });
    const policies = (await world.call("GET", "/policies")).body.items;
    const notification = (await world.call("POST", "/notifications", { target: { all: true } })).body;
    params = {
      agent: { id: world.agents.get("lyon-ws-0003")?.id ?? "" },
      policy: { id: policies[0].id },
      notification: { id: notification.id },
      release: { kind: "components", name: "pattern" },
    };
    for (const role of ROLES) cookies.set(role, await world.signIn(role));
  });
  afterAll(async () => {
    await world?.close();
    await stopBrowser();
  });

  const addressOf = (screen: ScreenName) =>
    hrefOf(screen as "agent", (params[screen] ?? {}) as { id: string });

  async function signedIn(role: Role, look: { width: number; dark: boolean }): Promise<WatchedPage> {
    const opened = await openPage(world.url, look);
    const [name = "", value = ""] = cookies.get(role)?.split("=") ?? [];
    await opened.page.context().addCookies([{ name, value, url: world.url }]);
    return opened;
  }

  /** What nobody may find on what is shown, in each look. */
  async function lookAt(page: Page, what: string): Promise<void> {
    for (const { dark, width } of LOOKS) {
      await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
      await page.setViewportSize({ width, height: 900 });
      const look = `${what}, ${width} px, ${dark ? "dark" : "light"}`;
      expect(await seriousFindings(page), look).toEqual([]);
      const root = "document.documentElement";
      const beyond = await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`);
      expect(beyond, `${look} scrolls sideways`).toBeLessThanOrEqual(0);
      await shot(page, `${what}-${width}-${dark ? "dark" : "light"}`);
    }
  }

  test("has its heading, and no fault at any width, light and dark", { timeout: 240_000 }, async () => {
    const { page, faults, close } = await signedIn("administrator", { width: 1_280, dark: false });
    for (const screen of screens) {
      await page.goto(addressOf(screen));
      await page.locator("main h1").waitFor();
      await expect.poll(() => page.locator("[aria-busy=true]").count(), { message: screen }).toBe(0);
      expect(await page.title(), screen).toMatch(/ · Nearsource$/);
      await lookAt(page, screen);
    }
    expect(faults).toEqual([]);
    await close();
  });

  test("has dialogs that take the focus, have no fault at any width, light and dark, and give it back", {
    timeout: 240_000,
  }, async () => {
    const { page, faults, close } = await signedIn("administrator", { width: 1_280, dark: false });
    page.setDefaultTimeout(30_000);
    for (const { at, select, press, item, dialog: name } of DIALOGS) {
      await page.setViewportSize({ width: 1_280, height: 900 });
      await page.goto(at.startsWith("/") ? at : addressOf(at as ScreenName));
      if (select !== undefined) await page.getByLabel(select).check();
      const opener = page
        .getByRole("main")
        .getByRole("button", { name: press })
        .or(page.getByRole("main").getByRole("link", { name: press }))
        .first();
      await opener.click();
      if (item !== undefined) await page.getByRole("menuitem", { name: item }).click();
      const dialog = page.getByRole("dialog", { name });
      await dialog.waitFor();
      const isWithin = "document.activeElement.closest('dialog') !== null";
      await expect.poll(() => page.evaluate(isWithin), { message: `focus in ${name}` }).toBe(true);
      await lookAt(page, `dialog ${String(name)}`);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      // A menu that led there is closed by then: its button has the focus.
      const isBack = () => opener.evaluate((element) => element === element.ownerDocument.activeElement);
      await expect.poll(isBack, { message: `focus after ${name}` }).toBe(true);
    }
    expect(faults).toEqual([]);
    await close();
  });

  test.each(ROLES)("shows a %s no more than they may", async (role) => {
    const { page, faults, close } = await signedIn(role, { width: 1_280, dark: false });
    await page.goto("/");
    const menu = page.getByRole("navigation", { name: "Main" });
    await menu.waitFor();
    for (const screen of screens) {
      const { title, menu: group, needs } = SCREENS[screen] ?? { title: "" };
      const isOpen = needs === undefined || may(role, needs);
      if (group !== undefined) {
        expect(await menu.getByRole("link", { name: title, exact: true }).count(), screen).toBe(
          isOpen ? 1 : 0,
        );
      }
      if (isOpen) continue;
      await page.goto(addressOf(screen));
      await page.getByRole("heading", { name: "There is no such page" }).waitFor();
    }
    expect(faults).toEqual([]);
    await close();
  });

  test("that is gone to takes the focus to its heading, and Back leads back", async () => {
    const { page, close } = await signedIn("administrator", { width: 1_280, dark: false });
    await page.goto("/agents");
    await page.getByRole("link", { name: "lyon-ws-0003" }).click();
    await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("H1");
    await expect.poll(() => page.locator("h1").textContent()).toBe("lyon-ws-0003");
    await page.goBack();
    await page.getByRole("heading", { name: "Agent Management" }).waitFor();
    await close();
  });

  test("is one of those that have an address", () => {
    expect(screens.filter((screen) => !(screen in LINKS))).toEqual([]);
  });
});
