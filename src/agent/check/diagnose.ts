import { readConfig } from "../../config/config.ts";
import type { Fetcher } from "../../http/fetcher.ts";
import { openFetcher } from "../../http/openFetcher.ts";
import { checkConfiguration } from "./check.ts";
import { findClock, findDisk, findService, type ToldTime } from "./diagnoseMachine.ts";
import { findNames, findSources, routeOf } from "./diagnoseSources.ts";
import type { Finding } from "./finding.ts";

/**
 * Looks at everything that an update depends on: the configuration, this machine, names, and each source of the order,
 * which is asked for its metadata and verified as a run would. Nothing is written, and no content is fetched.
 *
 * @throws NearsourceError CONFIG_NOT_FOUND, CONFIG_INVALID; the signal's reason
 */
export async function diagnose(
  file: string,
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const checked = await checkConfiguration(file, env);
  const odd = checked.filter(({ level }) => level !== "ok");
  if (odd.some(({ level }) => level === "problem")) {
    const message = "names and sources were not tried, since the configuration has problems";
    return [...odd, { level: "note", key: "sources", message }];
  }
  const config = await readConfig(file, env, { onlyShown: true });
  const route = await routeOf(config);
  const fetcher = await openFetcher(config);
  const told: ToldTime[] = [];
  try {
    const names = await findNames(config, route.order, signal);
    const sources = await findSources(route, notingTimes(fetcher, told), signal);
    const machine = [await findDisk(config), await findClock(config, told), await findService(config)];
    return [
      { level: "ok", key: "configuration", message: `${file} is valid` },
      ...odd,
      ...machine,
      ...names,
      ...sources,
    ];
  } finally {
    fetcher.close();
  }
}

/** The same fetcher, which notes the times that answers are of (RFC 9110 §6.6.1). */
function notingTimes(fetcher: Fetcher, told: ToldTime[]): Fetcher {
  return {
    ...fetcher,
    get: async (url, options) => {
      const response = await fetcher.get(url, options);
      const date = Date.parse(response.headers.date ?? "");
      // An answer out of a cache says when it was made.
      if (!Number.isNaN(date) && response.headers.age === undefined) {
        told.push({ host: response.url.host, date, at: Date.now() });
      }
      return response;
    },
  };
}
