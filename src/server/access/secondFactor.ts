import { Problem } from "../api/problem.ts";
import type { Caller } from "../api/roles.ts";
import type { Context } from "../context.ts";
import {
  beginFactor,
  confirmFactor,
  countRecoveryCodes,
  type Factor,
  factorOf,
  removeFactor,
  takeRecoveryCode,
  takeStep,
} from "../store/people/factorStore.ts";
import { findUser, findUserByName } from "../store/people/userStore.ts";
import { type Tx, transact } from "../store/transaction.ts";
import { refuseAdministrators } from "./accounts/grantLimits.ts";
import { type By, writeAudit } from "./auditTrail.ts";
import { openSecret, sealSecret } from "./factorKey.ts";
import { isPassword } from "./passwordHash.ts";
import { attemptSignIn } from "./sayLocked.ts";
import { hashOfSecret } from "./secrets.ts";

/** Time (s) of one step, and steps to each side whose code is taken too (RFC 6238 §5.2). */
const PERIOD = 30;
const WINDOW = 1;
/** Bytes of a secret, as RFC 4226 §4 recommends. */
const SECRET_LENGTH = 20;
const RECOVERY_CODES = 10;

type Owner = Extract<Caller, { kind: "user" }>;

/** State of one's own second factor. */
export interface FactorState {
  state: "none" | "begun" | "on";
  /** One's role needs one. */
  required: boolean;
  recoveryCodes: number;
}

export async function ownFactor({ config, database }: Context, caller: Caller): Promise<FactorState> {
  const { id, role } = ownerOf(caller);
  const { secret, confirmedAt } = await factorOf(database.db, id);
  const state = secret === null ? "none" : confirmedAt === null ? "begun" : "on";
  const recoveryCodes = await countRecoveryCodes(database.db, id);
  return { state, required: config.requireSecondFactor.includes(role), recoveryCodes };
}

/**
 * Begins a second factor, by the password. Its secret is shown this once.
 *
 * @throws Problem CONFLICT where one is in force, REFUSED for a wrong password, TOO_MANY
 */
export async function beginOwnFactor(
  context: Context,
  { password }: { password: string },
  by: By,
): Promise<{ secret: string; uri: string }> {
  const { id, name } = ownerOf(by.caller);
  await provePassword(context, password, by);
  const bytes = context.random(SECRET_LENGTH);
  const sealed = await sealSecret(context, id, bytes);
  await transact(context.database.db, async (tx) => {
    if (!(await beginFactor(tx, id, sealed))) throw new Problem("CONFLICT", "there is one: end it first");
    await writeAudit(tx, context, by, { operation: "beginSecondFactor", subject: name });
  });
  const totp = await totpOf(bytes, name);
  return { secret: totp.secret.base32, uri: totp.toString() };
}

/**
 * Confirms the second factor that was begun, by a code of it: from now on signing in asks for one.
 *
 * @returns codes for when the device is lost, each of which works once; shown this once
 * @throws Problem CONFLICT where none was begun, SECOND_FACTOR_WRONG, TOO_MANY
 */
export async function confirmOwnFactor(
  context: Context,
  { code }: { code: string },
  by: By,
): Promise<{ recoveryCodes: string[] }> {
  const { id, name } = ownerOf(by.caller);
  const factor = await factorOf(context.database.db, id);
  if (factor.secret === null || factor.confirmedAt !== null)
    throw new Problem("CONFLICT", "none was begun: begin one first (POST /session/second-factor)");
  const succeed = await attemptSignIn(context, by.address, name);
  const step = await stepOf(context, id, factor, code);
  const codes = Array.from({ length: RECOVERY_CODES }, () => newRecoveryCode(context.random));
  await transact(context.database.db, async (tx) => {
    if (step === undefined || !(await takeStep(tx, id, step))) throw new Problem("SECOND_FACTOR_WRONG");
    await confirmFactor(
      tx,
      id,
      context.now(),
      codes.map((each) => hashOfCode(id, each)),
    );
    await writeAudit(tx, context, by, { operation: "confirmSecondFactor", subject: name });
  });
  await succeed();
  return { recoveryCodes: codes };
}

/**
 * Ends one's own second factor, by the password.
 *
 * @throws Problem CONFLICT where one's role needs it, REFUSED for a wrong password, TOO_MANY
 */
export async function endOwnFactor(
  context: Context,
  { password }: { password: string },
  by: By,
): Promise<void> {
  const { id, name, role } = ownerOf(by.caller);
  if (context.config.requireSecondFactor.includes(role))
    throw new Problem("CONFLICT", `the role ${role} needs it: server.json says so in requireSecondFactor`);
  await provePassword(context, password, by);
  await transact(context.database.db, async (tx) => {
    await removeFactor(tx, id);
    await writeAudit(tx, context, by, { operation: "endSecondFactor", subject: name });
  });
}

/**
 * Takes another's second factor away, who has lost it.
 *
 * @throws Problem NOT_FOUND, NOT_ALLOWED
 */
export async function resetFactor(context: Context, userId: string, by: By): Promise<void> {
  await transact(context.database.db, async (tx) => {
    const user = await findUser(tx, userId);
    if (user === undefined) throw new Problem("NOT_FOUND", "no user has this id");
    refuseAdministrators(by, user.role);
    await removeFactor(tx, userId);
    await writeAudit(tx, context, by, { operation: "resetSecondFactor", subject: user.name });
  });
}

/**
 * Demands the code of whoever has a second factor, each code once.
 *
 * @throws Problem SECOND_FACTOR_NEEDED, SECOND_FACTOR_WRONG
 */
export async function proveFactor(
  context: Context,
  { id, name }: { id: string; name: string },
  code: string | undefined,
  address: string,
): Promise<void> {
  const factor = await factorOf(context.database.db, id);
  if (factor.confirmedAt === null) return;
  if (code === undefined) throw new Problem("SECOND_FACTOR_NEEDED");
  const step = await stepOf(context, id, factor, code);
  await transact(context.database.db, async (tx) => {
    if (step !== undefined && (await takeStep(tx, id, step))) return;
    if (step !== undefined || !(await takeRecoveryCode(tx, id, hashOfCode(id, code))))
      throw new Problem("SECOND_FACTOR_WRONG");
    await noteRecovery(tx, context, { id, name }, address);
  });
}

async function noteRecovery(
  tx: Tx,
  context: Context,
  { id, name }: { id: string; name: string },
  address: string,
) {
  const caller = { kind: "user", id, name, role: "viewer", session: "", lacksFactor: false } as const;
  await writeAudit(tx, context, { caller, address }, { operation: "useRecoveryCode", subject: name });
}

/** The step (RFC 6238) whose code it is; undefined for none nearby. */
async function stepOf(context: Context, userId: string, { secret }: Factor, code: string) {
  const token = code.replaceAll(/\s/g, "");
  if (secret === null || !/^\d{6}$/.test(token)) return undefined;
  const totp = await totpOf(await openSecret(context, userId, secret), "");
  const timestamp = context.now();
  const delta = totp.validate({ token, window: WINDOW, timestamp });
  return delta === null ? undefined : Math.floor(timestamp / 1_000 / PERIOD) + delta;
}

async function totpOf(bytes: Buffer, label: string) {
  const { TOTP, Secret } = await import("otpauth");
  const secret = new Secret({ buffer: new Uint8Array(bytes).buffer });
  return new TOTP({ issuer: "Nearsource", label, period: PERIOD, digits: 6, algorithm: "SHA1", secret });
}

async function provePassword(context: Context, password: string, { caller, address }: By): Promise<void> {
  const { name } = ownerOf(caller);
  const succeed = await attemptSignIn(context, address, name);
  const known = await findUserByName(context.database.db, name);
  if (known === undefined || !(await isPassword(password, known.passwordHash)))
    throw new Problem("REFUSED", "the password is wrong");
  await succeed();
}

function ownerOf(caller: Caller): Owner {
  if (caller.kind === "user") return caller;
  throw new Problem("CONFLICT", "a token has no second factor");
}

/** 80 random bits, in four groups of letters and digits that nobody mistakes for one another. */
function newRecoveryCode(random: (bytes: number) => Buffer): string {
  const letters = [...random(16)].map((byte) => "abcdefghijkmnpqrstuvwxyz23456789"[byte % 32]).join("");
  return letters.replaceAll(/(.{4})(?=.)/g, "$1-");
}

function hashOfCode(userId: string, code: string): string {
  return hashOfSecret(`${userId} ${code.toLowerCase().replaceAll(/[\s-]/g, "")}`);
}
