import type { ContentKind } from "../core/kind.ts";
import { manifestTarget } from "../core/layout.ts";
import { parseComponentName } from "../core/manifest.ts";
import { NearsourceError } from "../errors.ts";
import { documentTarget } from "./checkDocument.ts";
import { readReleases } from "./manifest.ts";
import { describeBytes, type Json } from "./metadata.ts";
import { roleOf } from "./publication.ts";
import { publishNext } from "./publish.ts";
import { type PublisherOptions, type Session, withRepository } from "./repository.ts";

/** Agents read a target whole; beyond this many bytes the publisher warns. */
const LARGE_TARGET = 524_288;

/** Publishes `bytes` as `target`, a new one or in place of the one before. */
export async function publishTarget(
  session: Session,
  role: string,
  target: string,
  bytes: Buffer,
): Promise<void> {
  if (bytes.length > LARGE_TARGET) {
    session.warnings.push(`${target} is ${bytes.length} bytes; beyond ${LARGE_TARGET} updates become slow`);
  }
  const signed = roleOf(session.publication, role).signed.toJSON();
  const next = { ...signed, targets: { ...(signed.targets as Json), [target]: describeBytes(bytes) } };
  await publishNext(session, { roles: new Map([[role, next]]), files: new Map([[target, bytes]]) });
}

export interface RemoveTargetOptions extends PublisherOptions {
  kind: ContentKind | "settings";
  name: string;
}

/**
 * Takes a component or a settings document out of the repository. A component that comes back later
 * goes on above its last release number.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID when it is not there
 */
export async function removeTarget(options: RemoveTargetOptions): Promise<{ warnings: string[] }> {
  const { kind, name } = options;
  const target = kind === "settings" ? documentTarget(name) : manifestTarget(kind, checkComponentName(name));
  return withRepository(options, kind === "settings" ? "settings" : "content", async (session) => {
    const role = roleOf(session.publication, kind);
    if (role.signed.targets[target] === undefined) {
      throw new NearsourceError("REPOSITORY_INPUT_INVALID", `${kind}/${name} is not published here`, {
        hint: "list what is with: nearsource repo show",
      });
    }
    const signed = role.signed.toJSON();
    const { [target]: _, ...targets } = signed.targets as Json;
    const next: Json = { ...signed, targets };
    if (kind !== "settings") {
      const releases = await readReleases(session.location, role, { kind, name });
      next.retired = { ...retiredReleases(signed), [target]: releases[0]?.release ?? 0 };
    }
    await publishNext(session, { roles: new Map([[kind, next]]) });
    return {};
  });
}

/** Highest releases of components that were removed, by target; a field of ours in the role's metadata. */
export function retiredReleases(signed: Json): Record<string, number> {
  return (signed.retired ?? {}) as Record<string, number>;
}

/**
 * `name` itself, if a component may have it.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID with the reason
 */
export function checkComponentName(name: string): string {
  try {
    return parseComponentName(name);
  } catch (error) {
    throw new NearsourceError(
      "REPOSITORY_INPUT_INVALID",
      `${JSON.stringify(name)} ${(error as Error).message}`,
    );
  }
}
