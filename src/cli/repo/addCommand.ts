import type { Command } from "commander";
import { formatBytes } from "../../core/amounts.ts";
import { CONTENT_KINDS } from "../../core/content/kind.ts";
import { NearsourceError } from "../../errors.ts";
import { addReleases, type NewRelease } from "../../publisher/addRelease.ts";
import { print } from "../terminal/output.ts";
import { openPublishProgress } from "./publishProgress.ts";
import {
  countFiles,
  KEYS_OPTION,
  type SigningFlags,
  splitName,
  WAIT_OPTION,
  warn,
  wholeNumber,
  wholeOrZero,
} from "./repoOptions.ts";

export function addAdd(repo: Command): void {
  repo
    .command("add")
    .description("publish releases of components or programs, all in one publication")
    .argument("<dir>", "the web root")
    .argument("<kind/name>", "such as components/virus-pattern")
    .argument("<version>", "the version that people read")
    .argument("<path>", "a file, or a folder whose files make the release")
    .argument("[more...]", "further releases: <kind/name> <version> <path> for each")
    .option("--release <n>", "the release number (default: the highest so far plus one)", wholeNumber)
    .option("--keep <n>", "how many releases stay available", wholeNumber, 5)
    .option("--deltas <n>", "make deltas from so many earlier releases; 0 for none", wholeOrZero, 5)
    .option("--allow-private-keys", "publish files although they have a private key in them")
    .option(...KEYS_OPTION)
    .option(...WAIT_OPTION)
    .action(
      async (dir: string, what: string, version: string, path: string, more: string[], flags: AddFlags) => {
        const releases = readReleases([what, version, path, ...more], flags.release);
        await runAdd(dir, releases, flags);
      },
    );
}

interface AddFlags extends SigningFlags {
  release?: number;
  keep: number;
  deltas: number;
  allowPrivateKeys?: boolean;
}

/** The releases of a command line: kind and name, version and path of each. */
function readReleases(args: string[], release: number | undefined): NewRelease[] {
  if (args.length % 3 !== 0) {
    throw new NearsourceError("USAGE", "each release is KIND/NAME VERSION PATH", {
      hint: `the last one has only ${args.slice(-(args.length % 3)).join(" ")}`,
    });
  }
  if (release !== undefined && args.length > 3) {
    throw new NearsourceError("USAGE", "--release is the number of one release, and there are several", {
      hint: "leave it out: each gets the highest of its component so far plus one",
    });
  }
  const starts = args.map((_, index) => index).filter((index) => index % 3 === 0);
  return starts.map((at) => {
    const [what = "", version = "", path = ""] = args.slice(at, at + 3);
    return { ...splitName(what, CONTENT_KINDS), version, path, release };
  });
}

async function runAdd(dir: string, releases: NewRelease[], flags: AddFlags): Promise<void> {
  const { keys: keysDir, keep, deltas, allowPrivateKeys, wait } = flags;
  const progress = openPublishProgress(process.stderr);
  const options = { dir, keysDir, wait, releases, keep, deltas, allowPrivateKeys };
  const { added, warnings } = await addReleases({ ...options, onProgress: progress.update }).finally(
    progress.close,
  );
  warn(warnings);
  for (const [index, each] of added.entries()) {
    const { kind, name, version } = releases[index] as NewRelease;
    const fetched =
      each.bytesFromPrevious < each.bytes
        ? `; ${formatBytes(each.bytesFromPrevious)} for agents with the release before`
        : "";
    const amount = `${countFiles(each.files)}, ${formatBytes(each.bytes)}${fetched}`;
    print(`published ${kind}/${name} ${version} as release ${each.release} (${amount})`);
  }
}
