import os from "node:os";

/**
 * Loads conf. It asks for the account's home folder as it is loaded, of which nothing here makes use, and
 * an account of a service may have none: neither a variable nor an entry in the list of accounts.
 */
export async function loadConf() {
  const variable = process.platform === "win32" ? "USERPROFILE" : "HOME";
  const isMissing = !hasHome();
  if (isMissing) process.env[variable] = os.tmpdir();
  try {
    return (await import("conf")).default;
  } finally {
    if (isMissing) delete process.env[variable];
  }
}

function hasHome(): boolean {
  try {
    return os.homedir() !== "";
  } catch {
    return false;
  }
}
