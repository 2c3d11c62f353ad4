import { answerOf, api } from "../../api/call.ts";
import type { Holder } from "./entryFields.ts";

/** The holders of the Update Agent role, with what an entry needs to name them. */
export async function loadHolders(): Promise<Holder[]> {
  return (await answerOf(api.GET("/api/v1/update-agents"))).body.items;
}
