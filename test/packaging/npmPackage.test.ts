import { execFile } from "node:child_process";
import { existsSync, promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { freshConsole } from "../../src/console/buildConsole.ts";
import { makeNpmPackage } from "../../src/packaging/npmPackage.ts";
import { VERSION } from "../../src/version.ts";
import { startSource } from "../support/source.ts";
import { makeAgent, readTree, sharedWorld } from "../support/world.ts";

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, "../..");
/** A Node that is too old for the program, as Debian has it. */
const OLD_NODE = "/usr/bin/node";
const shared = sharedWorld();

/** A project of somebody who has installed the package, and nothing else. */
let project: string;
let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-npm-"));
  await freshConsole();
  const file = await makeNpmPackage(folder);
  project = path.join(folder, "project");
  await fs.mkdir(project);
  await fs.writeFile(path.join(project, "package.json"), '{ "name": "host", "type": "module" }');
  await run("npm", ["install", "--offline", "--silent", file], { cwd: project });
});

afterAll(() => fs.rm(folder, { recursive: true, force: true }));

const installed = () => path.join(project, "node_modules", "nearsource");
const nearsource = (node: string, ...args: string[]) =>
  run(node, [path.join(project, "node_modules", ".bin", "nearsource"), ...args], { cwd: project });

test("the package brings no dependency and no runtime, and is 5 MB at most", async () => {
  expect(await fs.readdir(path.join(project, "node_modules"))).toEqual(
    expect.not.arrayContaining([expect.stringMatching(/^(?!\.|nearsource$)/)]),
  );
  expect(await fs.readdir(path.join(project, "node_modules", ".bin"))).toEqual(["nearsource"]);
  const files = await readTree(installed());
  const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  expect(bytes).toBeLessThan(5_000_000);
  const manifest = JSON.parse(files["package.json"]?.toString() ?? "");
  expect(manifest).not.toHaveProperty("dependencies");
  expect(manifest).not.toHaveProperty("scripts");
  expect(manifest.engines).toEqual({ node: ">=26" });
});

test("its command works, the server's part of it too", async () => {
  expect((await nearsource(process.execPath, "--version")).stdout.trim()).toContain(VERSION);
  expect((await nearsource(process.execPath, "--help")).stdout).toContain("nearsource explain");
  const made = await nearsource(process.execPath, "server", "init", path.join(project, "server"), "--json");
  expect(JSON.parse(made.stdout)).toHaveProperty("setupUrl");
});

test.skipIf(!existsSync(OLD_NODE))("an old Node gets one sentence, and what to do", async () => {
  const { stdout } = await run(OLD_NODE, ["--version"]);
  if (Number.parseInt(stdout.slice(1), 10) >= 26) return;
  const failed = await nearsource(OLD_NODE, "--help").catch((error) => error);
  expect(failed).toMatchObject({ code: 6, stdout: "" });
  expect(failed.stderr).toBe(
    `nearsource: it takes Node 26 or newer, and this is ${stdout.trim()}\nhint: install a newer Node, or use the executable, which brings its own\n`,
  );
});

test("what it exports is what is meant for other programs, and that updates, explains and computes orders", async () => {
  const source = await startSource(shared.world.www(1));
  onTestFinished(() => source.close());
  const agent = await makeAgent(shared.world, { sources: { good: source.url } });
  const script = path.join(project, "use.js");
  await fs.writeFile(
    script,
    `import * as library from "nearsource";
     const { explain, update, updateOrder, parseAddress, parseSourceList, DEFAULT_POLICY } = library;
     const config = ${JSON.stringify(agent.configFile)};
     const explanation = await explain({ config });
     const order = updateOrder({
       list: parseSourceList({ version: 1, entries: [{ range: "10.0.0.0/8", name: "ua", url: "http://ua:21112" }] }),
       policy: DEFAULT_POLICY, role: "agent", addresses: [parseAddress("10.1.2.3")], dnsSuffixes: [],
       self: { names: [], port: 21112 }, server: undefined, activeUpdate: undefined, kinds: ["components"],
     });
     const report = await update({ config });
     console.log(JSON.stringify({ names: Object.keys(library), explanation, order, report }));`,
  );
  const { stdout } = await run(process.execPath, [script], { cwd: project });
  const { names, explanation, order, report } = JSON.parse(stdout);
  expect(names).toEqual([
    "DEFAULT_POLICY",
    "NearsourceError",
    "VERSION",
    "explain",
    "formatAddress",
    "parseAddress",
    "parsePolicy",
    "parseSourceList",
    "update",
    "updateOrder",
  ]);
  expect(explanation.steps).toMatchObject([{ name: "good", clause: "1" }]);
  expect(order.steps).toMatchObject([{ name: "ua", clause: "1" }]);
  expect(report).toMatchObject({ outcome: "updated", attempts: [{ name: "good" }] });
  // A library has no folder of its own to write to.
  expect(await fs.readdir(installed())).not.toContain("cache");
});

test("its types are whole: a strict project without any other types compiles, and is refused what is wrong", async () => {
  const options = {
    compilerOptions: {
      strict: true,
      module: "nodenext",
      target: "esnext",
      lib: ["esnext", "dom"],
      types: [],
      noEmit: true,
      skipLibCheck: false,
    },
    files: ["use.ts"],
  };
  await fs.writeFile(path.join(project, "tsconfig.json"), JSON.stringify(options));
  await fs.writeFile(
    path.join(project, "use.ts"),
    `import { explain, NearsourceError, type Report, update, updateOrder, type UpdateOrder } from "nearsource";
     export const report: Promise<Report> = update({ config: "/etc/nearsource/config.json", kinds: ["components"] });
     export const order: (situation: Parameters<typeof updateOrder>[0]) => UpdateOrder = updateOrder;
     export const steps = async () => (await explain()).steps.map(({ name, clause }) => [name, clause]);
     export const isFull = (error: unknown) => error instanceof NearsourceError && error.code === "DISK_FULL";
     // @ts-expect-error there is no such kind
     update({ kinds: ["everything"] });
     // @ts-expect-error there is no such option
     update({ transport: "fast" });`,
  );
  const tsc = path.join(ROOT, "node_modules", "@typescript", "native", "bin", "tsc");
  await expect(run(process.execPath, [tsc, "-p", "."], { cwd: project })).resolves.toMatchObject({
    stdout: "",
  });
});
