import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NO_BROWSER, openPage, seriousFindings, stopBrowser } from "../support/browser.ts";
import { type ConsoleWorld, makeConsole } from "../support/consoleWorld.ts";

describe.skipIf(NO_BROWSER)(`the console${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await makeConsole();
  });
  afterAll(async () => {
    await world.close();
    await stopBrowser();
  });

  test("is set up by the link that init printed, with a password that can be shown, and signs in, out and in", async () => {
    const { page, faults, close } = await openPage(world.url);
    await page.goto(`/setup#token=${world.token}`);
    await page.getByLabel("Name of the first administrator").fill("ada");
    const password = page.getByLabel("Password");
    await password.fill("correct horse battery");
    expect(await password.getAttribute("type")).toBe("password");
    const show = page.getByRole("button", { name: "Show" });
    await show.click();
    expect(await password.getAttribute("type")).toBe("text");
    expect(await password.inputValue()).toBe("correct horse battery");
    expect(await show.getAttribute("aria-pressed")).toBe("true");
    await show.click();
    expect(await password.getAttribute("type")).toBe("password");
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Make the administrator" }).click();
    await page.getByRole("button", { name: "account" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Name").fill("ada");
    await page.getByLabel("Password").fill("wrong horse battery");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect.poll(() => page.getByText("name and password do not belong together").count()).toBe(1);
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    expect(faults).toEqual([]);
    await close();
  });
});
