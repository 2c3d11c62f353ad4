import { writeFileSync } from "node:fs";
import path from "node:path";
import { agentSideRoutes } from "../src/server/agentSide/agentSideRoutes.ts";
import { apiPage } from "../src/server/api/apiPage.ts";
import { allRoutes } from "../src/server/routes/allRoutes.ts";

writeFileSync(path.join(import.meta.dirname, "api.md"), apiPage(allRoutes, agentSideRoutes));
