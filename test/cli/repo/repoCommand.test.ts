import { promises as fs } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { repoCommand } from "../../../src/cli/repo/repoCommand.ts";
import { explainError, NearsourceError } from "../../../src/errors.ts";
import { newFolder, newReader, treeOf, writeTree } from "../../publisher/fixture.ts";

let stdout = "";
let stderr = "";

beforeEach(() => {
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs `nearsource repo …` and returns what it printed. */
async function repo(...args: string[]): Promise<{ out: string; err: string }> {
  stdout = "";
  stderr = "";
  const command = repoCommand();
  for (const each of withSubcommands(command)) each.exitOverride();
  await command.parseAsync(args, { from: "user" });
  return { out: stdout, err: stderr };
}

/** Runs a command that fails, and returns what a person would read: code, message, hint. */
async function failing(...args: string[]): Promise<{ code: string; message: string; hint?: string }> {
  try {
    await repo(...args);
  } catch (error) {
    const { code, hint } = error as NearsourceError;
    const message = error instanceof NearsourceError ? explainError(error) : stderr.trim();
    return hint === undefined ? { code, message } : { code, message, hint };
  }
  throw new Error(`repo ${args.join(" ")} did not fail`);
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

async function newWebRoot(...flags: string[]): Promise<string> {
  const dir = path.join(await newFolder(), "www");
  await repo("init", dir, ...(flags.length > 0 ? flags : ["--content", "--settings"]));
  return dir;
}

async function newFile(content: string): Promise<string> {
  return path.join(await writeTree(await newFolder(), { "file.json": content }), "file.json");
}

describe("repo init", () => {
  test("makes both repositories and says what to ship, what to hide and what to do next", async () => {
    const dir = path.join(await newFolder(), "www");
    const { out } = await repo("init", dir, "--content", "--settings");
    for (const repository of ["content", "settings"]) {
      expect(out).toContain(`made the ${repository} repository in ${path.join(dir, repository)}`);
      expect(out).toContain(path.join(dir, repository, "metadata/1.root.json"));
      expect(out).toContain(path.join(`${dir}.keys`, repository, "root.pem"));
    }
    expect(out).toContain(`nearsource repo refresh ${dir}`);
  });

  test("takes keys, thresholds and lifetimes from its options", async () => {
    const keys = path.join(await newFolder(), "keys");
    const dir = await newWebRoot(
      ...[
        "--settings",
        "--keys",
        keys,
        "--root-keys",
        "3",
        "--root-threshold",
        "2",
        "--expires-timestamp",
        "2",
      ],
    );
    const { out } = await repo("show", dir, "--json");
    const [shown] = JSON.parse(out).repositories;
    const role = (name: string) => shown.roles.find((each: { role: string }) => each.role === name);
    expect(role("root")).toMatchObject({ threshold: 2, keyIds: { length: 3 } });
    expect(Date.parse(role("timestamp").expires)).toBeLessThan(Date.now() + 2 * 86_400_000 + 1_000);
    expect(await fs.readdir(path.join(keys, "settings"))).toContain("root-3.pem");
  });

  test("asks which repository is meant", async () => {
    const dir = path.join(await newFolder(), "www");
    expect(await failing("init", dir)).toMatchObject({
      code: "USAGE",
      message: "say --content, --settings or both",
    });
  });

  test("says that there is a repository already", async () => {
    const dir = await newWebRoot("--content");
    expect(await failing("init", dir, "--content")).toEqual({
      code: "REPOSITORY_EXISTS",
      message: `there is a repository in ${path.join(dir, "content")} already`,
      hint: "add to it, or choose another folder",
    });
  });

  test.each(["0", "-1", "1.5", "many", ""])("refuses %j as a number of days", async (days) => {
    const dir = path.join(await newFolder(), "www");
    const { code, message } = await failing("init", dir, "--content", `--expires-root=${days}`);
    expect(code).toBe("commander.invalidArgument");
    expect(message).toContain("must be a whole number from 1 up");
  });
});

describe("repo add, set, remove and show", () => {
  test("publish several releases at once, and say which of them is incomplete", async () => {
    const dir = await newWebRoot("--content");
    const payload = await writeTree(await newFolder(), { "lpt.dat": "pattern" });
    const several = ["components/a", "1.0", payload, "programs/b", "2.0", payload];
    expect((await repo("add", dir, ...several)).out).toBe(
      "published components/a 1.0 as release 1 (1 file, 7 B)\npublished programs/b 2.0 as release 1 (1 file, 7 B)\n",
    );
    expect(await failing("add", dir, ...several.slice(0, 5))).toEqual({
      code: "USAGE",
      message: "each release is KIND/NAME VERSION PATH",
      hint: "the last one has only programs/b 2.0",
    });
    expect(await failing("add", dir, ...several, "--release", "9")).toMatchObject({ code: "USAGE" });
    await fs.rm(path.join(dir, "content/targets/programs"), { recursive: true });
    expect((await repo("show", dir)).out).toMatch(/^ {2}INCOMPLETE: programs\/b: .*b\.json is missing/m);
    expect(await failing("refresh", dir)).toMatchObject({ code: "REPOSITORY_INVALID" });
    expect((await repo("remove", dir, "programs/b")).err).toContain("was missing");
    await repo("refresh", dir);
  });

  test("publish, list and withdraw", async () => {
    const dir = await newWebRoot();
    const payload = await writeTree(await newFolder(), { "lpt.dat": "pattern", "rules/r.txt": "rule" });
    const added = await repo("add", dir, "components/virus-pattern", "17.123.00", payload);
    expect(added).toEqual({
      out: "published components/virus-pattern 17.123.00 as release 1 (2 files, 11 B)\n",
      err: "",
    });
    const single = path.join(payload, "lpt.dat");
    await repo("add", dir, "programs/agent", "2.0", single, "--release", "7", "--keep", "1");
    const list = await newFile('{"version":7,"entries":[]}');
    expect((await repo("set", dir, "source-list", list)).out).toBe("published settings/source-list\n");
    expect((await repo("set", dir, "source-list", list)).out).toContain("is published already, unchanged");
    await repo("set", dir, "policies/berlin", await newFile("{}"));
    const odd = await newFile('{"version":2,"entires":[]}');
    expect((await repo("set", dir, "source-list", odd)).err).toBe(
      'nearsource: warning: its field "entires" is not known here and has no effect (did you mean "entries"?)\n',
    );
    const late = await newFile('{"shedule":{"cron":"0 3 * * *"}}');
    expect((await repo("set", dir, "policies/berlin", late)).err).toBe(
      'nearsource: warning: its field "shedule" is not known here and has no effect (did you mean "schedule"?)\n',
    );
    const none = await newFile('{"agents":[],"agent":[]}');
    expect((await repo("set", dir, "update-agents", none)).err).toContain('(did you mean "agents"?)');
    await repo("remove", dir, "settings/update-agents");
    await repo("set", dir, "policies/berlin", await newFile("{}"));
    expect((await repo("set", dir, "sourcelist", list)).err).toBe(
      "nearsource: warning: agents of this version do not read settings/sourcelist\n",
    );
    await repo("remove", dir, "settings/sourcelist");
    await repo("set", dir, "source-list", list);

    const { out } = await repo("show", dir);
    expect(out).toContain("release 1, version 17.123.00, 2 files, 11 B");
    expect(out).toContain("release 7, version 2.0, 1 file, 7 B");
    expect(out).toContain("settings/policies/berlin");
    expect(out).toMatch(/expires next: timestamp, \d{4}-\d\d-\d\dT/);
    const json = JSON.parse((await repo("show", dir, "--json")).out);
    expect(json.repositories.map(({ repository }: { repository: string }) => repository)).toEqual([
      "settings",
      "content",
    ]);

    expect((await repo("remove", dir, "programs/agent")).out).toBe("removed programs/agent\n");
    await repo("remove", dir, "settings/policies/berlin");
    expect((await repo("show", dir)).out).not.toMatch(/agent|berlin/);
    expect(await (await newReader(dir, "settings")).target("settings/source-list.json")).toBeDefined();
  });

  test("name entry, field and reason of a source list that is refused, and keep the published one", async () => {
    const dir = await newWebRoot("--settings");
    await repo("set", dir, "source-list", await newFile('{"version":1,"entries":[]}'));
    const before = await treeOf(dir);
    const bad = await newFile('{"entries":[{"range":"10.0.0.300","url":"http://a"}]}');
    expect(await failing("set", dir, "source-list", bad)).toEqual({
      code: "SOURCE_LIST_INVALID",
      message: `the source list in ${bad} is not valid: line 1, column 22: entries[0].range: "10.0.0.300" is not an IPv4 or IPv6 address`,
      hint: "nothing was published: the document in force stays in force",
    });
    expect(await treeOf(dir)).toEqual(before);
  });

  test.each(["virus-pattern", "settings/source-list", "component/x", "/x"])(
    "refuse %j as the name of a component",
    async (name) => {
      const dir = await newWebRoot("--content");
      expect(await failing("add", dir, name, "1", dir)).toEqual({
        code: "USAGE",
        message: `"${name}" is not KIND/NAME`,
        hint: "KIND is one of components, programs",
      });
    },
  );

  test("tell where there is no repository, and where its keys are missing", async () => {
    const nowhere = await newFolder();
    expect(await failing("show", nowhere)).toMatchObject({
      code: "REPOSITORY_INVALID",
      message: `no repository in ${nowhere}`,
    });
    const dir = await newWebRoot("--content");
    expect(await failing("set", dir, "source-list", await newFile("{}"))).toMatchObject({
      code: "REPOSITORY_INVALID",
      message: `no publisher.json in ${dir}.keys/settings`,
    });
    expect(await failing("add", dir, "components/x", "1", path.join(nowhere, "none"))).toMatchObject({
      code: "REPOSITORY_INPUT_INVALID",
      message: expect.stringMatching(/^cannot read .*none: no such file/),
    });
  });
});

describe("repo refresh", () => {
  test("signs what is there, or what it is told", async () => {
    const dir = await newWebRoot();
    expect((await repo("refresh", dir)).out).toBe("settings: signed timestamp\ncontent: signed timestamp\n");
    expect((await repo("refresh", dir, "--content")).out).toBe("content: signed timestamp\n");
  });

  test("leaves a mirrored repository, whose keys are elsewhere, alone", async () => {
    const dir = await newWebRoot();
    await fs.rename(`${dir}.keys/content`, `${dir}.keys/elsewhere`);
    expect((await repo("refresh", dir)).out).toBe("settings: signed timestamp\n");
    expect(await failing("refresh", dir, "--content")).toMatchObject({ code: "REPOSITORY_INVALID" });
    expect(await failing("refresh", await newFolder())).toMatchObject({ code: "REPOSITORY_INVALID" });
  });
});

describe("repo root", () => {
  test("goes from keygen and draft over two signatures to publication", async () => {
    const dir = await newWebRoot("--content");
    const away = await newFolder();
    const key = path.join(away, "alice.pem");
    const draft = path.join(away, "draft.json");
    expect((await repo("root", "keygen", key)).out).toMatch(/key id [0-9a-f]{64}/);
    const drafted = await repo(
      ...["root", "draft", dir, "-o", draft, "--add-key", `${key}.pub`, "--threshold", "2"],
      ...["--rotate", "timestamp", "snapshot", "--expires", "400"],
    );
    expect(drafted.out).toContain("signed by 0 of the 1 keys that root 1 asks for");
    expect(drafted.out).toMatch(/adds root key [0-9a-f]{64}/);
    const first = await repo("root", "sign", draft, "--key", path.join(`${dir}.keys/content/root.pem`));
    expect(first.out).toContain("signed by 1 of the 1 keys that root 1 asks for");
    expect(first.out).toContain("signed by 1 of the 2 keys that root 2 asks for");
    expect(first.out).toContain("it needs more signatures");
    expect(await failing("root", "publish", dir, draft)).toEqual({
      code: "THRESHOLD_NOT_MET",
      message: "root 2 is signed by 1 of the 2 keys that root 2 asks for",
      hint: "sign it with more keys: nearsource repo root sign FILE --key PRIVATE.pem",
    });
    expect((await repo("root", "sign", draft, "--key", key)).out).toContain("publish it with");
    const published = await repo("root", "publish", dir, draft);
    expect(published.out).toContain("published root 2");
    expect(published.out).toContain("new keys: ");
    await (await newReader(dir, "content")).refresh();
  });

  test("asks which repository is meant where there are two", async () => {
    const dir = await newWebRoot();
    const out = path.join(await newFolder(), "draft.json");
    expect(await failing("root", "draft", dir, "-o", out)).toMatchObject({ code: "USAGE" });
    await repo("root", "draft", dir, "-o", out, "--settings");
  });

  test("refuses a key that is a root key of neither root, and names those that are", async () => {
    const dir = await newWebRoot("--content");
    const draft = path.join(await newFolder(), "draft.json");
    await repo("root", "draft", dir, "-o", draft);
    const stranger = path.join(await newFolder(), "stranger");
    await repo("root", "keygen", stranger);
    expect(await failing("root", "sign", draft, "--key", stranger)).toMatchObject({
      code: "KEY_INVALID",
      message: expect.stringContaining("is a root key of neither root"),
      hint: expect.stringMatching(/^root 1 has [0-9a-f]{64}$/),
    });
  });
});
