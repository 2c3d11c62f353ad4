import { writeFileSync } from "node:fs";
import path from "node:path";
import { agentSideRoutes } from "../src/server/agentSide/agentSideRoutes.ts";
import { allRoutes } from "../src/server/allRoutes.ts";
import { apiPage } from "../src/server/api/apiPage.ts";

writeFileSync(path.join(import.meta.dirname, "api.md"), apiPage(allRoutes, agentSideRoutes));
