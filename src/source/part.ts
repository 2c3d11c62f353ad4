import { NearsourceError } from "../errors.ts";
import type { Fetcher, GetOptions, Response } from "../http/fetcher.ts";
import { parseContentRange } from "../http/range.ts";
import type { ObjectName } from "../store/partial.ts";

/** Bytes of an object on their way: those from `first` up to and without `end`. */
export interface Part {
  response: Response;
  first: number;
  end: number;
}

/**
 * Asks for an object from byte `from` on, or for the whole of it. The part in the answer may begin earlier,
 * and end earlier: some servers give parts of their own size, some give no parts at all. No `If-Range` is
 * sent, since an object is known by its hash.
 *
 * @throws NearsourceError RANGE_INVALID if the answer does not name its bytes, or `from` is not among them
 */
export async function askForPart(
  fetcher: Fetcher,
  url: string,
  from: number,
  object: ObjectName,
  options: Pick<GetOptions, "viaProxy" | "signal">,
): Promise<Part> {
  const response = await fetcher.get(url, {
    ...options,
    headers: from === 0 ? {} : { range: `bytes=${from}-` },
    redirects: true,
    accept: from === 0 ? [200] : [200, 206],
  });
  const part = response.status === 206 ? await rangeOf(response, from, object) : wholeOf(response, object);
  const announced = response.headers["content-length"];
  if (announced === undefined || Number(announced) === part.end - part.first) return part;
  await response.discard();
  throw wrongLength(
    response.url,
    part.end - part.first,
    `announces ${announced.slice(0, 20)} bytes in place of`,
  );
}

function wholeOf(response: Response, { length }: ObjectName): Part {
  return { response, first: 0, end: length };
}

/** The part in a 206 (RFC 9110 §15.3.7); several parts in one answer (§15.3.7.2) were not asked for. */
async function rangeOf(response: Response, from: number, { length }: ObjectName): Promise<Part> {
  const said = response.headers["content-range"];
  const range = parseContentRange(said);
  const isPart =
    range !== undefined &&
    range.first <= from &&
    range.last >= from &&
    range.last < length &&
    (range.length ?? length) === length;
  if (isPart) return { response, first: range.first, end: range.last + 1 };
  await response.discard();
  throw new NearsourceError(
    "RANGE_INVALID",
    `${response.url.host} answered ${said === undefined ? "a part without saying which" : `"${said.slice(0, 60)}"`} where bytes ${from} to ${length - 1} were asked for`,
  );
}

export function wrongLength(url: URL, expected: number, what: string): NearsourceError {
  return new NearsourceError(
    "LENGTH_MISMATCH",
    `${url.host} ${what} ${expected === 1 ? "1 byte" : `${expected} bytes`} for ${url.pathname}`,
  );
}
