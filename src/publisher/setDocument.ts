import { NearsourceError } from "../errors.ts";
import { hasPrivateKey } from "./privateKey.ts";
import { publishTargets } from "./publishTargets.ts";
import { checkDocument, documentTarget, readDocumentFile } from "./repository/checkDocument.ts";
import { roleOf } from "./repository/publication.ts";
import { isTargetMissing, readTarget } from "./repository/releases.ts";
import { type PublisherOptions, withRepository } from "./repository/session.ts";

export interface SetDocumentOptions extends PublisherOptions {
  /** `source-list`, `update-agents`, `policies/<domain>` or another name. */
  name: string;
  /** The JSON file whose bytes are published. */
  file: string;
}

/**
 * Publishes a settings document after it was checked as agents will check it.
 *
 * @returns `changed: false` when these very bytes are published already
 * @throws NearsourceError SOURCE_LIST_INVALID, POLICY_INVALID or SETTINGS_INVALID naming entry, field
 *   and reason; the published one stays. Also REPOSITORY_INVALID, KEY_INVALID, LOCKED, storage errors.
 */
export async function setDocument(
  options: SetDocumentOptions,
): Promise<{ changed: boolean; warnings: string[] }> {
  const target = documentTarget(options.name);
  const bytes = await readDocumentFile(options.file);
  const oddities = await checkDocument(options.name, options.file, bytes);
  if (hasPrivateKey(bytes)) {
    throw new NearsourceError("SETTINGS_INVALID", `${options.file} has a private key in it`, {
      hint: "settings are served to everybody: leave it out",
    });
  }
  return withRepository(options, "settings", async (session) => {
    session.warnings.push(...oddities);
    const role = roleOf(session.publication, "settings");
    const isMissing = await isTargetMissing(session.location, role, target);
    const published = isMissing ? undefined : await readTarget(session.location, role, target);
    if (published?.equals(bytes)) return { changed: false };
    await publishTargets(session, [{ role: "settings", target, bytes }]);
    return { changed: true };
  });
}
