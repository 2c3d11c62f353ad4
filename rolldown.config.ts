export { PROGRAMS as default } from "./src/packaging/programs.ts";
