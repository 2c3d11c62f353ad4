/**
 * The least that a server of this kind could do, with the same framework, drivers and durability: fastify with one
 * route that inserts what it is sent as one row, committed before it answers, and one that answers a list as it is.
 *
 *     node bareServer.ts '{ "database": …, "list": … }'
 */
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import fastify from "fastify";
import pg from "pg";

const { database, list } = JSON.parse(process.argv[2] ?? "") as { database: string; list: string };
const app = fastify();
const insert = await inserter(database);
app.put("/report", async (request, reply) => {
  await insert(JSON.stringify(request.body));
  return reply.code(204).send();
});
app.get("/list", (_, reply) => reply.type("application/json").send(list));
await app.listen({ port: 0, host: "127.0.0.1" });
const [address] = app.addresses();
process.send?.((address as AddressInfo).port);
process.on("disconnect", () => process.exit());

async function inserter(url: string): Promise<(document: string) => Promise<unknown>> {
  if (url.startsWith("sqlite:")) {
    const db = new DatabaseSync(url.slice("sqlite:".length), { timeout: 10_000 });
    db.exec("pragma journal_mode = wal; pragma synchronous = full");
    db.exec("create table if not exists bare (sequence integer primary key, document text not null)");
    const statement = db.prepare("insert into bare (document) values (?)");
    return async (document) => statement.run(document);
  }
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  await pool.query(
    "create table if not exists bare (sequence bigserial primary key, document text not null)",
  );
  return async (document) =>
    await pool.query({ name: "bare", text: "insert into bare (document) values ($1)", values: [document] });
}
