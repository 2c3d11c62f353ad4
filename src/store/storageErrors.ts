import { type ErrorCode, NearsourceError } from "../errors.ts";

/** The system's code of an error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

const STORAGE_CODES: Record<string, ErrorCode> = {
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EROFS: "STORAGE_UNWRITABLE",
  EACCES: "STORAGE_UNWRITABLE",
  EPERM: "STORAGE_UNWRITABLE",
  ENOTDIR: "STORAGE_UNWRITABLE",
  ELOOP: "STORAGE_UNSAFE",
};

const STORAGE_HINTS: Partial<Record<ErrorCode, string>> = {
  DISK_FULL: "free some space; the next run goes on where this one stopped",
  STORAGE_UNWRITABLE: "let the account that runs nearsource read and write it",
  STORAGE_UNSAFE: "a symbolic link stands where a file or folder of ours belongs; remove it",
};

/**
 * Runs `work`; an error of the file system is thrown as one of ours, which says that `what` could not be
 * done.
 */
export async function guardStorage<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(what, error);
  }
}

/** A file-system error as ours; any other error as it is. */
export function toStorageError(what: string, error: unknown): unknown {
  const system = codeOf(error);
  const isSystem = system !== undefined && (error as { syscall?: unknown }).syscall !== undefined;
  if (error instanceof NearsourceError || !isSystem) return error;
  const code = STORAGE_CODES[system] ?? "STORAGE_FAILED";
  const hint = STORAGE_HINTS[code];
  return new NearsourceError(code, what, { cause: error, ...(hint === undefined ? {} : { hint }) });
}
