import { expect, onTestFinished, test } from "vitest";
import { NO_BROWSER, openSignedIn, seriousFindings, shot, stopBrowser } from "../support/browser.ts";
import { startDnsServer } from "../support/dnsServer.ts";
import { fillConsole } from "../support/filledConsole.ts";

test.skipIf(NO_BROWSER)(
  `a host name without an address is said before its entry is added, which connects by the Update Agent's address then${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`,
  {
    timeout: 120_000,
  },
  async () => {
    onTestFinished(stopBrowser);
    const dns = await startDnsServer({ records: { "ua-lyon": { A: ["10.2.0.1"] } }, negativeTtl: 1 });
    onTestFinished(() => dns.close());
    const world = await fillConsole({ dns: { servers: [dns.address], search: [] } });
    onTestFinished(() => world.close());
    const { page, faults, close } = await openSignedIn(world.url, world.cookie);
    page.setDefaultTimeout(30_000);
    await page.goto("/update-source?open=new");
    const drawer = page.getByRole("dialog", { name: "New entry" });
    await drawer.getByLabel("First address, or a prefix").fill("10.9.0.0/16");
    await drawer.getByLabel("Holder of the role").selectOption("ua-berlin");
    await drawer.getByText("DNS has no address of ua-berlin where the server is").waitFor();
    expect(await drawer.getByLabel("by its address", { exact: false }).first().isChecked()).toBe(true);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "unresolved");
    await drawer.getByLabel("Holder of the role").selectOption("ua-lyon");
    await drawer.getByText(/DNS has no address/).waitFor({ state: "detached" });
    expect(await drawer.getByLabel("by the Update Agent's host name").isChecked()).toBe(true);
    await drawer.getByLabel("Holder of the role").selectOption("ua-berlin");
    await drawer.getByRole("button", { name: "Add entry" }).click();
    await drawer.waitFor({ state: "detached" });
    const save = page.getByRole("complementary").getByRole("button", { name: /^Save version/ });
    await save.click();
    await page.getByText(/is signed and in force\.$/).waitFor();
    const { list } = (await world.call("GET", "/source-list")).body;
    expect(list.entries.at(-1)).toMatchObject({ range: "10.9.0.0/16", url: "http://10.1.0.1:21112" });
    expect(faults).toEqual([]);
    await close();
  },
);
