import { answerOf, api } from "../../api/call.ts";
import type { Holder } from "./entryFields.ts";

/** The holders of the Update Agent role, with what an entry needs to name them. */
export async function loadHolders(): Promise<Holder[]> {
  const [roles, agents] = await Promise.all([
    answerOf(api.GET("/api/v1/update-agents")),
    answerOf(api.GET("/api/v1/agents", { params: { query: { role: "update-agent", limit: 500 } } })),
  ]);
  const addresses = new Map(agents.body.items.map((each) => [each.id, each.addresses]));
  return roles.body.items.map(({ id, name, port, kinds }) => ({
    id,
    name,
    port,
    kinds,
    addresses: addresses.get(id) ?? [],
  }));
}
