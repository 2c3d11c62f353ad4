import { describe, expect, test } from "vitest";
import { runProgram } from "../../../src/cli/program.ts";

/** The program's stdout for a command line. */
async function said(...args: string[]): Promise<string> {
  const { write } = process.stdout;
  let text = "";
  process.stdout.write = ((piece: string) => {
    text += piece;
    return true;
  }) as typeof write;
  try {
    expect(await runProgram(args)).toBe(0);
  } finally {
    process.stdout.write = write;
  }
  return text;
}

/** Every command there is, as the help itself lists them. */
async function commandsBelow(command: string[]): Promise<string[][]> {
  const [, list = ""] = (await said(...command, "--help")).split("\nCommands:\n");
  const names = [...(list.split("\n\n")[0]?.matchAll(/^ {2}([a-z-]+)/gm) ?? [])].map(([, name = ""]) => name);
  const own = names.filter((name) => name !== "help").map((name) => [...command, name]);
  const below: string[][] = [];
  for (const each of own) below.push(each, ...(await commandsBelow(each)));
  return below;
}

describe("--help", () => {
  test("of the program and of every command has examples of it, and its exit codes", async () => {
    const commands = [[], ...(await commandsBelow([]))];
    expect(commands.length).toBeGreaterThan(15);
    for (const command of commands) {
      const help = await said(...command, "--help");
      expect(help).toMatch(new RegExp(`\nExamples?:\n  nearsource ${command.join(" ")}`));
      expect(help).toMatch(/\nExit codes:\n {2}0 {4}\S/);
    }
  });

  test("names the default configuration wherever there is an option for it", async () => {
    for (const command of [[], ["update"], ["agent"], ["status"], ["hold", "lift"]]) {
      const help = await said(...command, "--help");
      expect(help).toMatch(/\nConfiguration: --config FILE, else NEARSOURCE_CONFIG, else \S.*config\.json\n/);
    }
    expect(await said("repo", "add", "--help")).not.toContain("Configuration:");
  });

  test("without a command is the same", async () => {
    expect(await said()).toBe(await said("--help"));
  });
});

test.for([["enrol"], ["server", "init"], ["server", "link"], ["repo", "add"], ["sources", "check"]])(
  "a command that lacks something shows a line that has it: %s",
  async (words) => {
    const { write } = process.stderr;
    let text = "";
    process.stderr.write = ((piece: string) => {
      text += piece;
      return true;
    }) as typeof write;
    try {
      expect(await runProgram([...words])).toBe(2);
    } finally {
      process.stderr.write = write;
    }
    expect(text).toContain(`\nhint: for example nearsource ${words.join(" ")} `);
    expect(text).toContain(`nearsource ${words.join(" ")} --help`);
  },
);
