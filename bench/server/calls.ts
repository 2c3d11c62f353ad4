import http from "node:http";

/** The administrators' API of a server, over one kept connection. */
export class Calls {
  readonly #port: number;
  readonly #token: string;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

  constructor(port: number, token: string) {
    this.#port = port;
    this.#token = token;
  }

  /** Calls, and returns the answer with the time (ms) that it took. */
  async call(
    line: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; text: string; headers: http.IncomingHttpHeaders; took: number }> {
    const [method = "GET", path = ""] = line.split(" ");
    const began = performance.now();
    return await new Promise((resolve, reject) => {
      const request = http.request(
        {
          port: this.#port,
          host: "127.0.0.1",
          method,
          path,
          agent: this.#agent,
          headers: {
            authorization: `Bearer ${this.#token}`,
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
          },
        },
        (response) => {
          const pieces: Buffer[] = [];
          response.on("data", (piece: Buffer) => pieces.push(piece));
          response.on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              text: Buffer.concat(pieces).toString(),
              headers: response.headers,
              took: performance.now() - began,
            }),
          );
          response.on("error", reject);
        },
      );
      request.on("error", reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** The same, which has to succeed. */
  async good(line: string, body?: object, headers?: Record<string, string>) {
    const answer = await this.call(line, body, headers);
    if (answer.status >= 300) throw new Error(`${line} was answered ${answer.status}: ${answer.text}`);
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The time that so large a share of calls was within. */
export function within(took: readonly number[], share: number): number {
  const sorted = took.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
