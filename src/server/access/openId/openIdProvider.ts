import { promises as fs } from "node:fs";
import path from "node:path";
import type { Configuration } from "openid-client";
import { explainError } from "../../../errors.ts";
import { refuseUnsafe } from "../../../store/safePath.ts";
import { Problem } from "../../api/problem.ts";
import type { Context } from "../../context.ts";
import type { ServerConfig } from "../../serverConfig.ts";

type OpenId = NonNullable<ServerConfig["openId"]>;

/** A request that a browser is sent to the provider with, and has to come back with. */
export interface Outgoing {
  url: string;
  state: string;
  nonce: string;
  verifier: string;
}

/** Claims of a user that the provider vouches for. */
export type Claims = Record<string, unknown> & { iss: string; sub: string };

const found = new WeakMap<ServerConfig, Promise<Configuration>>();

/** @throws Problem NOT_FOUND where none is configured */
export function openIdOf({ config }: Pick<Context, "config">): OpenId {
  if (config.openId === undefined)
    throw new Problem(
      "NOT_FOUND",
      "no OpenID provider is configured: sign in with a password; openId in server.json names one",
    );
  return config.openId;
}

/** The provider as it describes itself; asked for once. */
async function providerOf(context: Context): Promise<Configuration> {
  const { config } = context;
  const known = found.get(config) ?? discover(config, openIdOf(context));
  found.set(config, known);
  try {
    return await known;
  } catch (cause) {
    found.delete(config);
    context.log.error(`the OpenID provider cannot be used: ${explainError(cause)}`);
    throw new Problem("UNAVAILABLE", "the OpenID provider cannot be reached: a local user can sign in", {
      cause,
    });
  }
}

async function discover(config: ServerConfig, openId: OpenId): Promise<Configuration> {
  const { allowInsecureRequests, ClientSecretBasic, customFetch, discovery, enableNonRepudiationChecks } =
    await import("openid-client");
  const { issuer, clientId, clientSecretFile } = openId;
  const file = path.resolve(config.dir, clientSecretFile);
  refuseUnsafe(file, "the client secret of openId", { secret: true });
  const secret = (await fs.readFile(file, "utf8")).trim();
  // Plain HTTP reaches this machine alone (serverConfig.ts).
  const insecure = issuer.startsWith("http:") ? [allowInsecureRequests] : [];
  // ID tokens have to be signed, though they come over TLS: alg none is no signature.
  const execute = [...insecure, enableNonRepudiationChecks];
  const options = { execute, timeout: TIMEOUT, [customFetch]: boundedFetch };
  const provider = await discovery(new URL(issuer), clientId, secret, ClientSecretBasic(secret), options);
  const { authorization_endpoint: endpoint } = provider.serverMetadata();
  if (endpoint === undefined || (!endpoint.startsWith("https://") && insecure.length === 0))
    throw new Error("the provider names no https URL to send browsers to");
  if (!/^https?:\/\//.test(endpoint)) throw new Error("the provider names no URL to send browsers to");
  return provider;
}

/** Time (s) for one answer of a provider, and its longest one (bytes). */
const TIMEOUT = 10;
const LONGEST_ANSWER = 1_048_576;

/** `fetch` that follows no redirect, and reads no more than any honest answer has. */
async function boundedFetch(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...options, redirect: "manual" });
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > LONGEST_ANSWER) throw new Error(`an answer of more than ${LONGEST_ANSWER} bytes`);
    pieces.push(new Uint8Array(piece));
  }
  const { status, headers } = response;
  const isWithout = status === 204 || status === 304;
  return new Response(isWithout ? null : new Blob(pieces), { status, headers });
}

/** Longest subject (OpenID Connect Core §2). */
const LONGEST_SUBJECT = 255;

/** The place to which the provider sends browsers back. */
function callbackOf({ publicUrl = "" }: ServerConfig): string {
  return `${publicUrl.replace(/\/$/, "")}/api/v1/session/openid/callback`;
}

/** An authorization request with PKCE, state and nonce (RFC 6749 §4.1, RFC 7636, OpenID Connect Core §3.1.2.1). */
export async function authorizationRequest(context: Context): Promise<Outgoing> {
  const provider = await providerOf(context);
  const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await import("openid-client");
  const [state, nonce, verifier] = Array.from({ length: 3 }, () => context.random(32).toString("base64url"));
  const asked = { state: state ?? "", nonce: nonce ?? "", verifier: verifier ?? "" };
  const url = buildAuthorizationUrl(provider, {
    redirect_uri: callbackOf(context.config),
    scope: openIdOf(context).scope,
    state: asked.state,
    nonce: asked.nonce,
    code_challenge: await calculatePKCECodeChallenge(asked.verifier),
    code_challenge_method: "S256",
  });
  return { url: url.href, ...asked };
}

/**
 * The claims for which the provider gives an ID token in exchange for the code of an answer: of this issuer and client, for
 * this request.
 *
 * @throws Problem NOT_SIGNED_IN for an answer that is not to this request, or a user who refused
 */
export async function claimsOf(
  context: Context,
  answer: Record<string, string>,
  asked: Omit<Outgoing, "url">,
): Promise<Claims> {
  const provider = await providerOf(context);
  const { authorizationCodeGrant } = await import("openid-client");
  const url = new URL(`${callbackOf(context.config)}?${new URLSearchParams(answer)}`);
  try {
    const tokens = await authorizationCodeGrant(provider, url, {
      pkceCodeVerifier: asked.verifier,
      expectedState: asked.state,
      expectedNonce: asked.nonce,
      idTokenExpected: true,
    });
    const claims = tokens.claims() as unknown as Claims;
    if (claims.sub.length > LONGEST_SUBJECT) throw new Error("the subject is longer than subjects are");
    return claims;
  } catch (cause) {
    context.log.warn(`nobody was signed in by the OpenID provider: ${explainError(cause)}`);
    throw new Problem("NOT_SIGNED_IN", "the OpenID provider did not vouch for you: begin again", { cause });
  }
}
