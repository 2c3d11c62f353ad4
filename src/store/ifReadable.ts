import { causesOf } from "../errors.ts";
import { codeOf } from "./storageErrors.ts";

/** The result of `read`; `place` is added to `hidden` if this account may not read it. */
export async function ifReadable<Result>(
  hidden: string[],
  place: string,
  read: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isForbidden(error)) throw error;
    hidden.push(place);
    return undefined;
  }
}

function isForbidden(error: unknown): boolean {
  return causesOf(error).some((each) => codeOf(each) === "EACCES");
}
