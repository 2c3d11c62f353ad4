import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { NearsourceError } from "../../errors.ts";
import { setPasswordAnew } from "../../server/access/passwordAnew.ts";
import { print } from "../terminal/output.ts";

/** `nearsource server password USER DIR`: asked for on a terminal, else the first line of standard input. */
export async function serverPasswordCommand(
  user: string,
  dir: string,
  options: { resetSecondFactor?: boolean },
): Promise<number> {
  const password = process.stdin.isTTY ? await askTwice(user) : await readLine();
  await setPasswordAnew(dir, user, password, options.resetSecondFactor);
  print(`${user} signs in with the new password, and was signed out everywhere`);
  return 0;
}

async function readLine(): Promise<string> {
  const [line = ""] = (await text(process.stdin)).split(/\r?\n/, 1);
  return line;
}

async function askTwice(user: string): Promise<string> {
  const password = await ask(`new password of ${user}: `);
  if ((await ask("once more: ")) === password) return password;
  throw new NearsourceError("USAGE", "the two passwords differ; nothing was changed");
}

/** Asks on the terminal, which does not show what is typed. */
async function ask(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      terminal.question("", resolve);
      const interrupted = () => reject(new NearsourceError("INTERRUPTED", "nothing was changed"));
      terminal.once("SIGINT", interrupted).once("close", interrupted);
    });
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}
