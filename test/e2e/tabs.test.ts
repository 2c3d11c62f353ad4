import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NO_BROWSER, openSignedIn, PLAIN_NAME, stopBrowser } from "../support/browser.ts";
import { type FilledConsole, fillConsole } from "../support/filledConsole.ts";

const SOON = { timeout: 20_000 };

/** A browser has six connections to a host over plain HTTP: these are pages of it, by a name that it has no locks for. */
describe.skipIf(NO_BROWSER)(`pages of one browser${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: FilledConsole;
  let origin: string;
  let notification: string;
  beforeAll(async () => {
    world = await fillConsole({ publicUrl: `http://${PLAIN_NAME}` });
    origin = world.url.replace("127.0.0.1", PLAIN_NAME);
    const { body } = await world.call("POST", "/notifications", { target: { all: true } });
    notification = `/notifications/${body.id}`;
  });
  afterAll(async () => {
    await world?.close();
    await stopBrowser();
  });

  const places = () => [
    ...["/", "/agents", "/update-source", notification, "/policies", "/report", "/releases"],
    ...["/expiries", notification, "/logs", "/people"],
  ];

  async function arrive(page: Page, place: string): Promise<void> {
    page.setDefaultTimeout(SOON.timeout);
    await page.goto(place, { waitUntil: "commit" });
    await page.locator("main h1").waitFor();
    const isBusy = () => page.locator("[aria-busy=true]").count();
    await expect.poll(isBusy, { message: place, ...SOON }).toBe(0);
  }

  test("that are gone to by their address leave no connection behind, and one that Back leads to hears of changes", {
    timeout: 120_000,
  }, async () => {
    const { page, faults, close } = await openSignedIn(origin, world.cookie);
    for (const place of [...places(), ...places()]) await arrive(page, place);
    await arrive(page, "/policies");
    await arrive(page, "/agents");
    await page.goBack({ waitUntil: "commit" });
    await page.getByRole("heading", { name: "Policy Management" }).waitFor();
    await world.call("POST", "/domains", { name: "seen-after-back" });
    await page.getByText("seen-after-back").first().waitFor();
    expect(faults).toEqual([]);
    await close();
  });

  test("that are open beside each other show their content, and hear of changes, also once the one that listens is closed", {
    timeout: 120_000,
  }, async () => {
    const { page, faults, close } = await openSignedIn(origin, world.cookie);
    expect(await page.evaluate("navigator.locks")).toBeUndefined();
    const tabs: Page[] = [];
    const openNext = async (place: string) => {
      tabs.push(await page.context().newPage());
      await arrive(tabs.at(-1) as Page, place);
    };
    for (const place of places()) await openNext(place);
    for (let count = 0; count < 3; count++) await openNext("/policies");
    const listening = tabs.slice(-3);
    for (const name of ["told-to-all", "told-after-one-has-gone"]) {
      await world.call("POST", "/domains", { name });
      for (const tab of listening) await tab.getByText(name).first().waitFor();
      // The first that was opened is the one that listens.
      await tabs.shift()?.close();
    }
    expect(faults).toEqual([]);
    await close();
  });
});
