import path from "node:path";
import { enrol } from "../agent/enrol/enrol.ts";
import { configPath, dataDirOf } from "../config/configPath.ts";
import { parseSourceUrl } from "../core/order/sourceList.ts";
import { NearsourceError } from "../errors.ts";
import { print, printJson } from "./terminal/output.ts";
import { onSignals } from "./terminal/running.ts";

export interface EnrolCommandOptions {
  server: string;
  token?: string;
  insecure?: boolean;
  config?: string;
  dataDir?: string;
  name?: string;
  /** Port to listen at; its health is reported at the one after it. */
  listen?: number;
  /** PEM file of a private authority. */
  ca?: string;
  json?: boolean;
}

/** `nearsource enrol --server URL --token T`: makes an agent of this machine. */
export async function enrolCommand(options: EnrolCommandOptions): Promise<number> {
  const configFile = configPath(options.config, process.env);
  const usual = dataDirOf({}, configFile, process.env);
  const dataDir = options.dataDir === undefined ? usual : path.resolve(options.dataDir);
  const interruption = onSignals();
  try {
    const { signal } = interruption;
    const server = readServer(options.server);
    const { token, ca, insecure, name, listen } = options;
    const ownPlace = dataDir !== usual;
    const given = { server, token, insecure, configFile, dataDir, ownPlace, name, listen, ca, signal };
    const made = await enrol(given);
    if (options.json === true) {
      printJson(made);
      return 0;
    }
    print(`this machine is agent ${made.id} of ${server}`);
    print(`  configuration  ${made.config}`);
    print(`  data           ${made.dataDir}`);
    print(
      `  listens at     port ${made.port}${made.isUsual ? "" : `, and reports its health at ${made.port + 1}`}`,
    );
    // Every later command goes by the same configuration.
    const config = options.config === undefined ? "" : ` --config ${asArgument(options.config)}`;
    print(
      `hint: nearsource update${config} fetches what is current; nearsource agent${config} stays and keeps it so`,
    );
    return 0;
  } finally {
    interruption.end();
  }
}

/** A file's name as shells take it for one argument. */
function asArgument(text: string): string {
  return /^[\w./:\\-]+$/.test(text) ? text : JSON.stringify(text);
}

function readServer(text: string): string {
  try {
    return parseSourceUrl(text);
  } catch (error) {
    throw new NearsourceError("USAGE", `--server: ${(error as Error).message}`);
  }
}
