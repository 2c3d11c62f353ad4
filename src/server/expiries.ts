import { REPOSITORIES, type Repository } from "../core/content/layout.ts";
import { type Expiry, expiryState, noticeOf } from "../core/fleet/expiry.ts";
import { explainError } from "../errors.ts";
import { describeRoles, listRepositories } from "../publisher/describe.ts";
import type { Context } from "./context.ts";
import { settingsPlace } from "./settings/publishDocument.ts";
import { listApiTokens, listEnrolmentTokens } from "./store/people/tokenStore.ts";
import { readNote } from "./store/watch/noteStore.ts";
import { endOfCertificate, LISTENERS } from "./tlsFiles.ts";

/** Everything that ends: metadata and roots of both repositories, certificates, enrolment and API tokens; the next one first. */
export async function listExpiries(context: Context): Promise<Expiry[]> {
  const all = [
    ...(await metadataExpiries(context)),
    ...(await certificateExpiries(context)),
    ...(await tokenExpiries(context)),
  ];
  const place = ({ expires }: Expiry) => expires ?? Number.NEGATIVE_INFINITY;
  return all.toSorted((one, other) => place(one) - place(other));
}

/** Metadata of the repositories that are served from here, and why those of the settings are not signed again. */
export async function metadataExpiries(context: Context): Promise<Expiry[]> {
  const served = await listRepositories(settingsPlace(context), "all");
  const expected = REPOSITORIES.filter((each) => each === "settings" || served.includes(each));
  const all: Expiry[] = [];
  for (const repository of expected) all.push(...(await expiriesOf(context, repository)));
  // Metadata are on the disk: they are listed without the database too.
  const noteOf = async (subject: "publishing" | "resigning") =>
    await readNote(context.database.db, subject).catch(() => undefined);
  const publishing = context.upkeep.publishing ?? (await noteOf("publishing"));
  if (publishing !== undefined) {
    const what = "settings that were saved and are not published";
    all.push({ area: "settings", what, expires: null, state: "ended", ...publishing });
  }
  const failure = await noteOf("resigning");
  return failure === undefined
    ? all
    : all.map((each) => (each.what === "settings timestamp" ? { ...each, ...failure } : each));
}

async function expiriesOf(context: Context, repository: Repository): Promise<Expiry[]> {
  const now = context.now();
  try {
    const { roles } = await describeRoles({ ...settingsPlace(context), repository });
    return roles.map(({ role, expires: text }) => {
      const expires = Date.parse(text);
      const state = expiryState(expires, now, noticeOf(role));
      const remedy = remedyOf(context, repository, role);
      return { area: repository, what: `${repository} ${role}`, expires, state, reason: null, remedy };
    });
  } catch (error) {
    const remedy = "put the folder back from a backup, or see docs/publishing.md";
    const reason = explainError(error);
    return [{ area: repository, what: repository, expires: null, state: "ended", reason, remedy }];
  }
}

function remedyOf({ mirror }: Context, repository: Repository, role: string): string {
  if (repository === "content" && mirror.isConfigured) {
    return "ActiveUpdate signs it: see that the server reaches it";
  }
  if (repository === "content" && role !== "root") {
    return 'sign it again with the keys of the site: have "nearsource repo refresh" run daily (docs/publishing.md)';
  }
  if (role !== "root") return "the server signs it again by itself";
  return "draft, sign and publish the next root, with the key that was taken away: docs/publishing.md";
}

/** Certificates that this server answers with. */
export async function certificateExpiries({ config, now }: Context): Promise<Expiry[]> {
  const all: Expiry[] = [];
  for (const listener of LISTENERS) {
    const row = { area: "certificate", what: `certificate of ${listener}.tls` } as const;
    const remedy = "put the next one, and its key, into the same files: they are read within a minute";
    try {
      const expires = await endOfCertificate(config, listener, new Date(now()));
      if (expires === undefined) continue;
      all.push({ ...row, expires, state: expiryState(expires, now(), "certificate"), reason: null, remedy });
    } catch (error) {
      all.push({ ...row, expires: null, state: "soon", reason: explainError(error), remedy });
    }
  }
  return all;
}

async function tokenExpiries({ database: { db }, now }: Context): Promise<Expiry[]> {
  const enrolment = (await listEnrolmentTokens(db)).map(({ id, domain, expiresAt }) => ({
    area: "enrolment" as const,
    what: `enrolment token ${id} of ${domain}`,
    expires: expiresAt,
    remedy: "make another one, where machines are still to be enrolled with it",
  }));
  const access = (await listApiTokens(db, now())).map(({ name, expiresAt }) => ({
    area: "access" as const,
    what: `API token ${name}`,
    expires: expiresAt,
    remedy: "make another one, and give it to the program that uses this one",
  }));
  const ending = [...enrolment, ...access].filter(({ expires }) => expires !== null);
  return ending.map((each) => {
    return { ...each, state: expiryState(each.expires, now(), "token"), reason: null };
  });
}
