import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";

/** Debian's package of each program that the benchmarks use. */
const PACKAGES = {
  python3: "python3",
  nginx: "nginx-light",
  curl: "curl",
  aria2c: "aria2",
  freshclam: "clamav-freshclam",
  "apt-get": "apt",
  zstd: "zstd",
  bsdiff: "bsdiff",
  xdelta3: "xdelta3",
  wrk: "wrk",
} as const;

export type Peer = keyof typeof PACKAGES;

/** The arguments that make each print its version, where there are any. */
const VERSION_ARGUMENTS: Partial<Record<Peer, string[]>> = {
  nginx: ["-v"],
  curl: ["--version"],
  aria2c: ["--version"],
  freshclam: ["--version"],
  "apt-get": ["--version"],
  zstd: ["--version"],
  xdelta3: ["-V"],
};

/** Installs missing programs, if that is possible. */
export function installPeers(say: (line: string) => void): void {
  const missing = (Object.keys(PACKAGES) as Peer[]).filter((peer) => !hasPeer(peer));
  if (missing.length === 0) return;
  const packages = missing.map((peer) => PACKAGES[peer]);
  say(`installing ${packages.join(" ")}`);
  // At runlevel 1 Debian starts no service that came with a package.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const { status, error, stderr } = spawnSync(
    "apt-get",
    ["install", "-y", "--no-install-recommends", ...packages],
    { env, encoding: "utf8" },
  );
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().split("\n").at(-1);
  say(`not installed, so left out: ${missing.join(", ")} (${reason})`);
}

/** Whether the program can be run. */
export function hasPeer(peer: Peer): boolean {
  return folders().some((folder) => {
    try {
      accessSync(path.join(folder, peer), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function folders(): string[] {
  return [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/sbin"];
}

/** The reason why a case with this program is left out, or undefined when it need not be. */
export function lacking(peer: Peer): string | undefined {
  return hasPeer(peer) ? undefined : `${peer} is not installed (Debian: ${PACKAGES[peer]})`;
}

/** First lines of the programs' version outputs. */
export function peerVersions(): string[] {
  return Object.entries(VERSION_ARGUMENTS).flatMap(([peer, words]) => {
    if (!hasPeer(peer as Peer)) return [];
    const { stdout, stderr } = spawnSync(peer, words, {
      encoding: "utf8",
      env: { ...process.env, PATH: folders().join(path.delimiter) },
    });
    const line = `${stdout}${stderr}`.split("\n")[0]?.trim() ?? "";
    const version = line.match(/\d+\.\d+[\w.+-]*/)?.[0];
    return version === undefined ? [] : [`${peer} ${version}`];
  });
}

/** Runs a program of the set-up to its end. */
export function run(command: string, words: string[], cwd?: string): void {
  execFileSync(command, words, {
    stdio: ["ignore", "ignore", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });
}
