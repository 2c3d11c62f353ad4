import { expect, test } from "vitest";
import type { Fetcher, Response } from "../../src/http/fetcher.ts";
import { createPatience, waitingFetcher } from "../../src/source/patience.ts";

const url = "http://update-agent.example/content/metadata/timestamp.json";

test("a source that takes its time to say that it is filling is waited for no longer than one that says so at once", async () => {
  let [asked, slow] = [0, 0];
  const fetcher: Fetcher = {
    async get() {
      asked++;
      slow += 9_000;
      const headers = { "nearsource-state": "filling", "retry-after": "1" };
      return { status: 503, headers, url: new URL(url), discard: async () => {} } as unknown as Response;
    },
    limitRate: () => {},
    close: () => {},
  };
  const patience = createPatience(10_000, () => performance.now() + slow);
  await expect(waitingFetcher(fetcher, patience, () => {}).get(url)).rejects.toMatchObject({
    code: "SOURCE_BUSY",
  });
  expect(asked).toBeLessThanOrEqual(3);
});
