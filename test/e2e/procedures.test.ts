import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { freshConsole } from "../../src/console/buildConsole.ts";
import { nearsource } from "../real/commandLine.ts";
import { beginEntry, tickAllKinds } from "../support/articleSteps.ts";
import { NO_BROWSER, openPage, stopBrowser } from "../support/browser.ts";
import { PROGRAM } from "../support/program.ts";
import { killAll, type ResidentProcess, startResident } from "../support/resident.ts";
import { openServer, type ServerProcess } from "../support/serverProcess.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { closeAll, newFolder, sharedWorld, writeJson } from "../support/world.ts";

const stage = sharedWorld();
const residents: ResidentProcess[] = [];
const sources: TestSource[] = [];
const servers: ServerProcess[] = [];

afterAll(async () => {
  await killAll(residents);
  for (const { process: each, ended } of servers) {
    each.kill("SIGKILL");
    await ended;
  }
  await closeAll(sources);
  await stopBrowser();
});

describe.skipIf(NO_BROWSER)(`the article's procedures, by hand${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  test("from an empty server to a real agent that was notified and does what the list says", {
    timeout: 300_000,
  }, async () => {
    await freshConsole();
    // The program of the tests is built elsewhere than where it is installed.
    await fs.copyFile("dist/console.json", path.join(path.dirname(PROGRAM), "console.json"));
    const folder = await newFolder();
    const vendor = await startSource(stage.world.www(1));
    sources.push(vendor);
    const dir = path.join(folder, "server");
    const root = path.join(stage.world.www(1), "content", "metadata", "1.root.json");
    const ports = ["--console", "127.0.0.1:0", "--agents", "127.0.0.1:0"];
    const made = await nearsource("server", "init", dir, ...ports, "--content-root", root, "--json");
    expect(made.code, made.stderr).toBe(0);
    const server = await openServer(dir);
    servers.push(server);
    const { page, faults, close } = await openPage(server.console);
    page.setDefaultTimeout(60_000);

    // The set-up link leads to the first steps.
    await page.goto(`/setup#token=${JSON.parse(made.stdout).token}`);
    await page.getByLabel("Name of the first administrator").fill("ada");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("button", { name: "Make the administrator" }).click();
    await page.getByRole("heading", { name: "First steps" }).waitFor();

    // The command that the page shows makes an agent of this machine.
    await page.getByRole("button", { name: "Make the command" }).click();
    await page.getByText("Other machines cannot reach 127.0.0.1.").waitFor();
    await page.getByText("nearsource update nearsource agent").waitFor();
    const command = await page.locator("pre code").first().textContent();
    const [program, ...words] = (command ?? "").trim().split(/[\s\\]+/);
    expect(program).toBe("nearsource");
    const configFile = path.join(folder, "agent", "config.json");
    const enrolled = await nearsource(
      ...words,
      // Where this machine has room for it: the word for word rest is what the page gave to copy.
      ...["--config", configFile, "--data-dir", path.join(folder, "agent", "data"), "--json"],
    );
    expect(enrolled.code, enrolled.stderr).toBe(0);
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    await writeJson(configFile, {
      ...config,
      addresses: ["10.1.2.3"],
      listen: { host: "127.0.0.1", port: 0 },
      metrics: { port: null },
      relay: { minFree: 0 },
    });
    const resident = startResident({ configFile });
    residents.push(resident);
    await resident.said(/the agent is ready/);

    // Agents > Agent Management: the agent, Settings > Update Agent Settings, three ticks, Save.
    await page.getByRole("link", { name: "Agent Management" }).click();
    const agents = page.getByRole("region", { name: "List of agents" });
    await agents.getByRole("link").first().waitFor();
    await agents.getByRole("checkbox", { name: /^Select (?!all)/ }).check();
    await tickAllKinds(page);
    await agents.getByRole("row").getByText("Update Agent", { exact: true }).waitFor();

    // Updates > Agents > Update Source: an entry for its network, Save, Notify All Agents.
    const entry = await beginEntry(page, "10.1.0.0/16");
    await entry.getByText("URL", { exact: true }).click();
    await entry.getByRole("textbox", { name: "URL" }).fill(vendor.url);
    await entry.getByRole("button", { name: "Add entry" }).click();
    await page.getByRole("complementary").getByRole("button", { name: "Save version 1" }).click();
    await page.getByText("Version 1 is signed and in force.").waitFor();
    await page.getByRole("link", { name: "Notify All Agents" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Notify", exact: true }).click();
    await page.getByRole("heading", { name: "Notification" }).waitFor();
    await page.getByText("1 of 1 agent").waitFor();

    // The agent's page says where it went, and by which clause.
    await page.getByRole("link", { name: "Agent Management" }).click();
    await agents.getByRole("link").first().click();
    const runs = page.getByRole("region", { name: "Runs" });
    await runs.getByText("updated").first().waitFor();
    await page.getByRole("table", { name: "Planned beside happened" }).waitFor();

    // The steps have ticked themselves off.
    await page.goto("/first-steps");
    await page.getByText("Done: 1 agent.").waitFor();
    expect(await page.locator("li.done").count()).toBeGreaterThanOrEqual(5);
    expect(faults).toEqual([]);
    await close();
  });
});
