import path from "node:path";
import { expect } from "vitest";
import { json, nearsource, type Running, start } from "../real/commandLine.ts";

/** A server under way: the real program, and the first administrator's session. */
export interface ServerProcess extends Running {
  dir: string;
  console: string;
  agents: string;
  /** Calls the administrators' API as a page of the server's own would. */
  call(method: string, place: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>;
}

export interface ApiAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: each call has an answer of its own shape
  body: any;
}

const READY = /console answers at (http:\S+), agents are served at port (\d+)/;

/** `nearsource server init DIR` and `nearsource server DIR` at free ports, set up by its link. */
export async function startServerProcess(folder: string, ...init: string[]): Promise<ServerProcess> {
  const dir = path.join(folder, "server");
  const made = await nearsource(
    ...["server", "init", dir, "--console", "127.0.0.1:0", "--agents", "127.0.0.1:0", "--json", ...init],
  );
  expect(made.code, made.stderr).toBe(0);
  const running = await openServer(dir);
  const { token } = json<{ token: string }>(made);
  const user = { token, user: "ada", password: "correct horse battery" };
  const answer = await running.call("POST", "/setup", user);
  expect(answer.status).toBe(201);
  const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  const call: ServerProcess["call"] = (method, place, body, headers) =>
    running.call(method, place, body, { cookie, ...headers });
  return { ...running, call };
}

/** Starts a server that was made before. */
export async function openServer(dir: string): Promise<ServerProcess> {
  const running = start(["server", dir]);
  let text = "";
  const [, people = "", port = ""] = await new Promise<RegExpMatchArray>((ready, fail) => {
    running.process.stderr?.on("data", (piece: string) => {
      text += piece;
      const match = text.match(READY);
      if (match !== null) ready(match);
    });
    running.ended.then(() => fail(new Error(`the server ended before it was ready:\n${text}`)));
  });
  const call: ServerProcess["call"] = async (method, place, body, headers = {}) => {
    const answer = await fetch(`${people}/api/v1${place}`, {
      method,
      headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const written = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: written === "" ? undefined : JSON.parse(written),
    };
  };
  return { ...running, dir, console: people, agents: `http://127.0.0.1:${port}`, call };
}
