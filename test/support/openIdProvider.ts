import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A small OpenID provider at 127.0.0.1 that signs real tokens, for one client. */
export interface OpenIdProvider {
  issuer: string;
  client: { id: string; secret: string };
  /** Claims of whoever comes next. */
  user: Record<string, unknown>;
  /** Claims that stand in every ID token in place of the right ones. */
  wrong: Record<string, unknown>;
  /** Makes an ID token of claims in place of the right way, where it is to be hostile. */
  tokenOf?: ((claims: object, honest: (claims: object) => string) => string) | undefined;
  /** Answers a request in place of the provider; false for one that it leaves to it. */
  answer?: ((path: string, response: ServerResponse) => boolean) | undefined;
  close(): Promise<void>;
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const codes = new Map<string, { asked: URLSearchParams; user: Record<string, unknown> }>();
  const client = { id: "nearsource", secret: "a secret of the client" };
  const token = (claims: object) => {
    const signed = `${base64url({ alg: "RS256", kid: "1" })}.${base64url(claims)}`;
    return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
  };
  const server = createServer(async (request, response) => {
    const { issuer } = provider;
    const url = new URL(request.url ?? "", issuer);
    if (provider.answer?.(url.pathname, response) === true) return;
    const json = (body: unknown, status = 200) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (url.pathname === "/.well-known/openid-configuration") {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
      });
    }
    if (url.pathname === "/jwks") {
      return json({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256", use: "sig" }] });
    }
    if (url.pathname === "/authorize") {
      const code = randomUUID();
      codes.set(code, { asked: url.searchParams, user: provider.user });
      const back = new URL(url.searchParams.get("redirect_uri") ?? "");
      for (const [name, value] of Object.entries({
        code,
        iss: issuer,
        state: url.searchParams.get("state") ?? "",
      }))
        back.searchParams.set(name, value);
      return response.writeHead(302, { location: back.href }).end();
    }
    const given = new URLSearchParams(await text(request));
    const found = codes.get(given.get("code") ?? "");
    codes.delete(given.get("code") ?? "");
    const challenge = createHash("sha256")
      .update(given.get("code_verifier") ?? "")
      .digest("base64url");
    const basic = Buffer.from(`${client.id}:${client.secret.replaceAll(" ", "+")}`).toString("base64");
    const isRight =
      found !== undefined &&
      challenge === found.asked.get("code_challenge") &&
      given.get("redirect_uri") === found.asked.get("redirect_uri") &&
      request.headers.authorization === `Basic ${basic}`;
    if (!isRight) return json({ error: "invalid_grant" }, 400);
    const now = Math.floor(Date.now() / 1_000);
    const nonce = found.asked.get("nonce");
    const claims = {
      iss: issuer,
      aud: client.id,
      iat: now,
      exp: now + 300,
      nonce,
      ...found.user,
      ...provider.wrong,
    };
    json({
      access_token: randomUUID(),
      token_type: "Bearer",
      id_token: provider.tokenOf?.(claims, token) ?? token(claims),
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.close();
    server.closeAllConnections();
  };
  const provider: OpenIdProvider = { issuer, client, user: {}, wrong: {}, close };
  return provider;
}
