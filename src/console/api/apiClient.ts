import type { Client } from "openapi-fetch";
import type { paths } from "./apiTypes.ts";

/** Parts of a request beside the pattern of its path. */
interface Sending {
  params?: {
    path?: Record<string, unknown>;
    query?: Record<string, unknown>;
    header?: Record<string, string>;
  };
  body?: unknown;
}

/** The requests that the API has. Their types are openapi-fetch's; its code does much more, and is not in the page. */
export const api = Object.fromEntries(
  ["GET", "PUT", "POST", "PATCH", "DELETE"].map((method) => [
    method,
    (pattern: string, sending?: Sending) => send(method, pattern, sending),
  ]),
) as unknown as Pick<Client<paths>, "GET" | "PUT" | "POST" | "PATCH" | "DELETE">;

async function send(method: string, pattern: string, { params, body }: Sending = {}) {
  const headers = new Headers(params?.header);
  if (body !== undefined) headers.set("content-type", "application/json");
  const response = await fetch(addressOf(pattern, params), {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = parsed(await response.text());
  return response.ok ? { data: answer, response } : { error: answer, response };
}

/** A pattern such as `/agents/{id}` with its words, and those of the query; a list is as many words of one name. */
export function addressOf(pattern: string, { path = {}, query = {} }: Sending["params"] = {}): string {
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) =>
      [value].flat().flatMap((each) => (each === undefined || each === null ? [] : [[name, String(each)]])),
    ),
  );
  const place = pattern.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(path[name])));
  return search.size === 0 ? place : `${place}?${search}`;
}

/** An answer's text as JSON; itself where it is none, such as a page of a proxy. */
function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}
