import { onOneLine } from "../../errors.ts";
import { Problem } from "../api/problem.ts";
import type { Role } from "../api/roles.ts";
import type { Answer } from "../api/route.ts";
import type { Context } from "../context.ts";
import { deleteSessionsOf, insertSession } from "../store/people/sessionStore.ts";
import { insertUser, type User } from "../store/people/userStore.ts";
import { transact } from "../store/transaction.ts";
import { checkedName, userCalled } from "./accounts/names.ts";
import { writeAudit } from "./auditTrail.ts";
import { hashPassword, isPassword } from "./passwordHash.ts";
import { attemptSignIn } from "./sayLocked.ts";
import { proveFactor } from "./secondFactor.ts";
import { hashOfSecret, newId, newSecret } from "./secrets.ts";

/** Credentials, and the address that they came from. */
export interface SignIn {
  user: string;
  password: string;
  /** Of the second factor, where there is one. */
  code?: string | undefined;
  address: string;
  userAgent: string;
}

export interface SignedIn {
  id: string;
  user: string;
  role: Role;
}

/** Compared with where there is no such user, so that the time does not tell. */
let nobody: Promise<string> | undefined;

/**
 * Begins a session for whoever knows the password, and has the second factor where there is one.
 *
 * @throws Problem CREDENTIALS_WRONG, SECOND_FACTOR_NEEDED, SECOND_FACTOR_WRONG, TOO_MANY
 */
export async function signIn(context: Context, given: SignIn): Promise<Answer<SignedIn>> {
  const succeed = await attemptSignIn(context, given.address, given.user);
  const found = await userCalled(context.database.db, given.user);
  nobody ??= hashPassword("", context.random);
  const isRight = await isPassword(given.password, found?.passwordHash || (await nobody));
  if (found === undefined || found.passwordHash === "" || !isRight) throw new Problem("CREDENTIALS_WRONG");
  await proveFactor(context, found, given.code, given.address);
  await succeed();
  return await beginSession(context, found, given);
}

/** Begins a session of a user. */
export async function beginSession(
  { config, database, now, random }: Context,
  user: Pick<User, "id" | "name" | "role">,
  { address, userAgent }: Pick<SignIn, "address" | "userAgent">,
): Promise<Answer<SignedIn>> {
  const secret = newSecret(random);
  const at = now();
  await transact(database.db, async (tx) => {
    await insertSession(tx, {
      idHash: hashOfSecret(secret),
      userId: user.id,
      now: at,
      expiresAt: at + Math.min(config.sessions.idle, config.sessions.longest),
      address,
      agent: userAgent.slice(0, 200),
    });
  });
  const cookie = { value: secret, maxAge: config.sessions.longest };
  return { body: { id: user.id, user: user.name, role: user.role }, cookie };
}

/**
 * Makes the first administrator, for whoever has the set-up link, which works once.
 *
 * @throws Problem REFUSED for its name, TOKEN_INVALID, TOO_MANY, NOT_FOUND once it was used
 */
export async function setUp(context: Context, given: SignIn & { token: string }): Promise<Answer<SignedIn>> {
  const { database, now, random } = context;
  const name = checkedName(given.user);
  const succeed = await attemptSignIn(context, given.address);
  const passwordHash = await hashPassword(given.password, random);
  const user = { id: newId(random), name, role: "administrator" as const };
  await transact(database.db, async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable("setup")
      .set({ used_at: now() })
      .where("token_hash", "=", hashOfSecret(given.token))
      .where("used_at", "is", null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n)
      throw new Problem(
        "TOKEN_INVALID",
        "the set-up link was used already, was replaced, or is not of this server: nearsource server link DIR makes another while nobody is set up",
      );
    await insertUser(tx, { ...user, passwordHash, now: now() });
    await deleteSessionsOf(tx, user.id, now());
    const caller = { ...user, kind: "user", session: "", lacksFactor: false } as const;
    await writeAudit(
      tx,
      context,
      { caller, address: given.address },
      { operation: "setUp", subject: user.name },
    );
  });
  context.log.info(onOneLine(`${name} is the first administrator: the set-up link opens nothing any more`));
  await succeed();
  return await beginSession(context, user, given);
}
