import { afterAll } from "vitest";
import { endFile } from "./fileEnd.ts";

// Read for each test file before its own hooks, and so done after them.
afterAll(endFile);
