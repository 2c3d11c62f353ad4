import { faultOfName, plainName } from "../../../core/personName.ts";
import { Problem } from "../../api/problem.ts";
import { ROLES, type Role } from "../../api/roles.ts";
import type { Answer } from "../../api/route.ts";
import type { Context } from "../../context.ts";
import { putAttempt, takeAttempt } from "../../store/people/openIdStore.ts";
import { deleteSessionsOf } from "../../store/people/sessionStore.ts";
import { findUserByOpenId, insertUser, setRole, type User } from "../../store/people/userStore.ts";
import { type Tx, transact } from "../../store/transaction.ts";
import { raiseEvent } from "../../watch/raiseEvent.ts";
import { isTaken } from "../accounts/names.ts";
import { writeAudit } from "../auditTrail.ts";
import { hashOfSecret, newId, newSecret } from "../secrets.ts";
import { beginSession, type SignedIn } from "../signIn.ts";
import { placeOf } from "../signInLimit.ts";
import { authorizationRequest, type Claims, claimsOf, openIdOf } from "./openIdProvider.ts";

/** Time (ms) that a person has at the provider. */
const PATIENCE = 600_000;

/**
 * Sends a browser to the provider.
 *
 * @throws Problem NOT_FOUND, UNAVAILABLE, TOO_MANY
 */
export async function beginOpenId(context: Context, address: string): Promise<Answer<undefined>> {
  const { url, ...asked } = await authorizationRequest(context);
  const { database, random, now, config, cookies } = context;
  const browser = newSecret(random);
  const hashes = { stateHash: hashOfSecret(asked.state), browserHash: hashOfSecret(browser) };
  const times = { now: now(), expiresAt: now() + PATIENCE };
  const place = hashOfSecret(`address ${placeOf(address)}`);
  const isNoted = await transact(database.db, (tx) =>
    putAttempt(tx, { ...asked, ...hashes, ...times, place }),
  );
  if (!isNoted) throw await tooMany(context);
  // The provider's page leads back here: a cookie for this site's pages alone would not come along.
  const how = `Path=/api/v1/session/openid; Max-Age=${PATIENCE / 1_000}; HttpOnly; SameSite=Lax`;
  const secure = config.publicUrl?.startsWith("https:") === true ? "; Secure" : "";
  const headers = { location: url, "set-cookie": `${cookies.openId}=${browser}; ${how}${secure}` };
  return { body: undefined, status: 302, headers };
}

async function tooMany(context: Context): Promise<Problem> {
  const message =
    "so many browsers are on their way to the OpenID provider that no more are sent there for a while";
  await transact(context.database.db, (tx) =>
    raiseEvent(tx, context, { type: "limit.reached", subject: "openid", message }),
  );
  const sentence = "too many sign in at the OpenID provider at the moment: a local user can sign in";
  return new Problem("TOO_MANY", sentence, { retryAfter: PATIENCE / 1_000 });
}

export interface ProviderAnswer {
  /** Words of the URL by which the browser came back. */
  words: Record<string, string>;
  browser: string | undefined;
  address: string;
  userAgent: string;
}

/**
 * Begins a session for whom the provider vouches, with the role that the groups have now.
 *
 * @throws Problem NOT_SIGNED_IN for an answer to nobody or to another browser, NOT_ALLOWED without a mapped group or for
 *   one who is shut out
 */
export async function endOpenId(context: Context, given: ProviderAnswer): Promise<Answer<SignedIn>> {
  openIdOf(context);
  const { database, now } = context;
  const { state = "" } = given.words;
  const asked = await transact(database.db, (tx) => takeAttempt(tx, hashOfSecret(state), now()));
  if (asked === undefined || given.browser === undefined || hashOfSecret(given.browser) !== asked.browserHash)
    throw new Problem("NOT_SIGNED_IN", "this answer is not to a request of this browser: begin again");
  const { verifier, nonce } = asked;
  const claims = await claimsOf(context, given.words, { state, verifier, nonce });
  const user = await transact(database.db, (tx) => userOf(context, tx, claims, given.address));
  if (user === undefined)
    throw new Problem(
      "NOT_ALLOWED",
      "none of your groups has a role here, or you are shut out: an administrator can change that",
    );
  const answer = await beginSession(context, user, given);
  // A page, not a redirect: the session's cookie travels from this site's own pages alone.
  const body = '<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>Nearsource</title>';
  return { ...answer, text: { type: "text/html; charset=utf-8", body } };
}

/** The user of these claims, made or changed by them; undefined for one who may not come in, whose sessions end. */
async function userOf(
  context: Context,
  tx: Tx,
  claims: Claims,
  address: string,
): Promise<Pick<User, "id" | "name" | "role"> | undefined> {
  const { now, random } = context;
  const openId = `${claims.iss} ${claims.sub}`;
  const role = roleOf(context, claims);
  const known = await findUserByOpenId(tx, openId);
  if (role === undefined || (known !== undefined && known.disabledAt !== null)) {
    if (known !== undefined) await deleteSessionsOf(tx, known.id, now());
    return undefined;
  }
  const name = known?.name ?? (await freeName(tx, claims));
  const id = known?.id ?? newId(random);
  if (known?.role === role) return known;
  if (known === undefined) await insertUser(tx, { id, name, role, passwordHash: "", openId, now: now() });
  else await setRole(tx, id, role);
  const caller = { kind: "user", id, name, role, session: "", lacksFactor: false } as const;
  const operation = known === undefined ? "createUser" : "changeUser";
  await writeAudit(tx, context, { caller, address }, { operation, subject: name, detail: { role, openId } });
  return { id, name, role };
}

/** The highest role of the user's groups. */
function roleOf(context: Context, claims: Claims): Role | undefined {
  const { groupsClaim, roles } = openIdOf(context);
  const claim = claims[groupsClaim];
  const groups = Array.isArray(claim) ? claim : [claim];
  const mapped = new Map(Object.entries(roles));
  const own = groups.flatMap((group) => mapped.get(String(group)) ?? []);
  return ROLES.findLast((role) => own.includes(role));
}

/** A name that nobody has or looks to have, after what the provider calls the user. */
async function freeName(tx: Tx, { preferred_username, email, sub }: Claims): Promise<string> {
  const called = [preferred_username, email, sub].find((each) => typeof each === "string" && each !== "");
  const seen = plainName(String(called).slice(0, 500)).replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, "");
  const short = plainName([...seen].slice(0, 80).join(""));
  const name = faultOfName(short) === undefined ? short : "OpenID";
  for (const each of [name, `${name} (OpenID)`]) if (!(await isTaken(tx, each))) return each;
  return `${name} ${hashOfSecret(sub).slice(0, 16)}`;
}
