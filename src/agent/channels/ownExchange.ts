import type { Log } from "../../config/log.ts";
import { ROTATE_HEADER } from "../../core/fleet/secretRotation.ts";
import { DOMAIN_HEADER } from "../../core/settings/domainName.ts";
import { explainError } from "../../errors.ts";
import { toStatusError } from "../../http/httpErrors.ts";
import { mayCarrySecret } from "../../http/mayCarrySecret.ts";
import type { Exchange, Reply, Request } from "../../http/smallClient.ts";
import { dataDirAt } from "../../store/dataDir.ts";
import { readIdentity, writeIdentity } from "../../store/state/identity.ts";

export interface OwnExchangeOptions {
  exchange: Exchange;
  dataDir: string;
  /** `<server>/v1/agents/<id>` */
  home: string;
  log: Log;
  /** Called with the domain that the server says this agent is in. */
  onDomain(domain: string): void;
}

const TIMEOUT = 30_000;
const ANSWER_LIMIT = 65_536;

/**
 * Requests to the server that prove which agent asks. When the server says so, the secret is replaced: the new one is on
 * disk before it is used, and the server takes the old one until then, so that an agent that is killed at any moment has
 * one that works.
 */
export class OwnExchange implements Exchange {
  readonly #options: OwnExchangeOptions;
  readonly #closing = new AbortController();
  #secret: string | undefined;
  /** The one before, which a server may know that was set back, or asked for another by a copy of this machine. */
  #last: string | undefined;
  #rotating: Promise<void> | undefined;

  constructor(options: OwnExchangeOptions) {
    this.#options = options;
  }

  /** Reads the secret, where it may travel to the server. */
  async open(): Promise<this> {
    const { dataDir, home } = this.#options;
    const { secret, lastSecret, insecure } = (await readIdentity(dataDirAt(dataDir))) ?? {};
    const mayTravel = mayCarrySecret(home, insecure);
    this.#secret = mayTravel ? secret : undefined;
    this.#last = mayTravel ? lastSecret : undefined;
    return this;
  }

  async send(request: Request): Promise<Reply> {
    const { exchange } = this.#options;
    const used = this.#secret;
    const reply = await exchange.send({ ...request, bearer: used });
    this.#hearDomain(reply);
    if (reply.status === 401) return (await this.#sendByAnother(request, used)) ?? reply;
    if (reply.headers[ROTATE_HEADER] !== undefined && used !== undefined) this.#startRotation();
    return reply;
  }

  #hearDomain({ status, headers }: Reply): void {
    const { [DOMAIN_HEADER]: domain } = headers;
    if (status < 300 && typeof domain === "string") this.#options.onDomain(domain);
  }

  close(): void {
    this.#closing.abort();
    this.#options.exchange.close();
  }

  /** Resolves when no secret is being replaced. */
  async settled(): Promise<void> {
    await this.#rotating;
  }

  /** The answer to another secret: that of a rotation or an enrolment meanwhile, or the one before. */
  async #sendByAnother(request: Request, used: string | undefined): Promise<Reply | undefined> {
    if (this.#secret === used) await this.open();
    const other = this.#secret === used ? this.#last : this.#secret;
    if (other === undefined || other === used) return undefined;
    const reply = await this.#options.exchange.send({ ...request, bearer: other });
    if (reply.status !== 401) this.#secret = other;
    return reply;
  }

  #startRotation(): void {
    this.#rotating ??= this.#rotate()
      .catch((error) => this.#options.log.warn(`no new secret from the server: ${explainError(error)}`))
      .finally(() => {
        this.#rotating = undefined;
      });
  }

  async #rotate(): Promise<void> {
    const { exchange, home, dataDir, log } = this.#options;
    const used = this.#secret;
    const url = `${home}/secret`;
    const limits = { timeout: TIMEOUT, limit: ANSWER_LIMIT, signal: this.#closing.signal };
    const { status, text } = await exchange.send({ method: "POST", url, bearer: used, ...limits });
    if (status !== 200) throw toStatusError(status, new URL(url));
    const { secret } = JSON.parse(text) as { secret?: unknown };
    const dirs = dataDirAt(dataDir);
    const identity = await readIdentity(dirs);
    // A machine that was enrolled anew meanwhile has another identity, which stays.
    if (typeof secret !== "string" || identity === undefined) return;
    if (used !== identity.secret && used !== identity.lastSecret) return;
    await writeIdentity(dirs, { ...identity, secret, lastSecret: used });
    this.#secret = secret;
    this.#last = used;
    log.info("the server gave this agent a new secret");
  }
}
