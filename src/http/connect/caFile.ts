import { promises as fs } from "node:fs";
import type { Config } from "../../config/configSchema.ts";
import { NearsourceError } from "../../errors.ts";

/**
 * The certificate of the configured private authority, as PEM text; undefined where there is none.
 *
 * @throws NearsourceError CONFIG_INVALID when `http.ca` cannot be read
 */
export async function readAuthority({
  file,
  http,
}: {
  file: string;
  http: Pick<Config["http"], "ca">;
}): Promise<string | undefined> {
  if (http.ca === undefined) return undefined;
  const refuse = (cause?: unknown) =>
    new NearsourceError("CONFIG_INVALID", `the configuration ${file} is invalid: "http.ca": ${http.ca}`, {
      cause: cause ?? "it holds no certificate",
      hint: "name a PEM file with the certificate of your authority",
    });
  const text = await fs.readFile(http.ca, "utf8").catch((error) => {
    throw refuse(error);
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw refuse();
  return text;
}
