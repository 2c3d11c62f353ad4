import { PROBLEMS } from "./problem.ts";
import type { AnyRoute } from "./route.ts";

/** `docs/api.md`, of the routes themselves: a test holds the page to it. */
export function apiPage(people: readonly AnyRoute[], agents: readonly AnyRoute[]): string {
  return [
    "# The server's API",
    "",
    "Made from the routes by `npm run docs:api`; `GET /api/v1/openapi.json` of a running server says the same as OpenAPI 3.1,",
    "with every schema. Bodies are JSON, and checked strictly: a field that is not known is refused. Whatever is wrong is a",
    "problem document (RFC 9457) with a stable `code`. Lists come in parts: `next` is the `cursor` of the part that follows.",
    "Every call may answer `UNAVAILABLE` with `Retry-After`, while the database is away.",
    "",
    "Who may call: `viewer` includes operators and administrators, `operator` includes administrators. Scripts send an API token",
    "(`Authorization: Bearer …`), the console a session cookie; a change by cookie is taken from the server's own pages alone.",
    "A token's scope names operations, areas (the first word of a path), or `read` for every GET ([hardening.md](hardening.md)).",
    "",
    "## For administrators: port 21110, below `/api/v1`",
    "",
    ...tableOf(people),
    "",
    "## For agents: port 21111, below `/v1`",
    "",
    "Besides the two trees, `/content/…` and `/settings/…`, as [publishing.md](publishing.md) has them.",
    "",
    ...tableOf(agents),
    "",
    "## Problems",
    "",
    "| Code | Status | Meaning |",
    "| --- | --- | --- |",
    ...Object.entries(PROBLEMS).map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`),
    "",
  ].join("\n");
}

function tableOf(routes: readonly AnyRoute[]): string[] {
  const rows = routes.map(({ method, path, allow, summary, fails }) => {
    const codes = fails.map((code: string) => `\`${code}\``).join(" ");
    return `| \`${method} ${path.replaceAll(/:(\w+)/g, "<$1>")}\` | ${allow} | ${summary} | ${codes} |`;
  });
  return ["| Call | Who | What it does | Problems |", "| --- | --- | --- | --- |", ...rows];
}
