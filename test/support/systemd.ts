import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The end of a command in there. */
export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** A systemd that was booted: process 1 of namespaces of its own, with no units but those that it was given. */
export interface Systemd {
  run(command: string, ...words: string[]): Promise<Said>;
  /** A property of a unit (`systemctl show`). */
  show(unit: string, property: string): Promise<string>;
  close(): Promise<void>;
}

const BINARY = "/lib/systemd/systemd";
const TARGETS = ["boot", "sysinit", "basic", "network", "network-online", "multi-user", "shutdown"];

/** The reason why no systemd can be booted here; undefined if one can. */
export function whyNoSystemd(): string | undefined {
  if (process.platform !== "linux") return "systemd is Linux's";
  if (process.getuid?.() !== 0) return "it takes root";
  if (spawnSync(BINARY, ["--version"]).status !== 0) return "there is none (apt-get install systemd)";
  const tried = spawnSync("unshare", ["--pid", "--fork", "--mount", "--mount-proc", "--cgroup", "true"]);
  return tried.status === 0 ? undefined : "unshare makes no namespaces here";
}

/** Boots in cgroups of its own, with empty folders where services keep their files; `$1` names it, `$2` has its units. */
const BOOT = `
for each in /sys/fs/cgroup /sys/fs/cgroup/unified; do
  [ -f "$each/cgroup.controllers" ] && mkdir "$each/$1" && echo $$ > "$each/$1/cgroup.procs"
done
exec unshare --fork --pid --mount-proc --mount --uts --ipc --net --cgroup --kill-child=KILL sh -c '
  mount --make-rprivate /
  for each in /run /srv /var/lib /opt; do mount -t tmpfs -o mode=755 tmpfs "$each"; done
  umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir -p /run/systemd /run/lock
  ip link set lo up
  export container=other SYSTEMD_UNIT_PATH="$0"
  exec ${BINARY} --system --unit=boot.target --show-status=no --log-target=null --crash-reboot=no
' "$2"`;

/** @param units their text, by name */
export async function bootSystemd(folder: string, units: Record<string, string>): Promise<Systemd> {
  const place = path.join(folder, "units");
  await fs.mkdir(place);
  const targets = TARGETS.map((name) => [`${name}.target`, `[Unit]\nDescription=${name}\n`]);
  for (const [name = "", text = ""] of [...targets, ...Object.entries(units)]) {
    await fs.writeFile(path.join(place, name), text);
  }
  const own = `nearsource-test-${path.basename(folder)}`;
  const child = spawn("sh", ["-c", BOOT, "sh", own, place], { stdio: "ignore" });
  const pid = await processOne(child);
  const run = (command: string, ...words: string[]) =>
    new Promise<Said>((done) => {
      const inside = ["-t", String(pid), "-m", "-p", "-n", "-u", "-i", "-C", "--", command, ...words];
      execFile("nsenter", inside, { timeout: 60_000 }, (error, stdout, stderr) => {
        done({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
    });
  const show = async (unit: string, property: string) =>
    (await run("systemctl", "show", "--value", `--property=${property}`, unit)).stdout.trim();
  const close = async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    await removeCgroups(own);
  };
  while ((await run("systemctl", "is-system-running")).stdout.trim() !== "running") {
    if (child.exitCode !== null) throw new Error("systemd did not boot");
    await sleep(100);
  }
  return { run, show, close };
}

/** The process that is systemd, once it is: the child of unshare. */
async function processOne({ pid, exitCode }: ChildProcess): Promise<number> {
  for (;;) {
    if (exitCode !== null) throw new Error("systemd did not boot");
    const children = await fs.readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    const [one = ""] = children.trim().split(" ");
    const link = one === "" ? "" : await fs.readlink(`/proc/${one}/exe`).catch(() => "");
    if (link.endsWith("/systemd/systemd")) return Number(one);
    await sleep(20);
  }
}

/** Once the last process in them is gone, which systemd's end does not wait for. */
async function removeCgroups(own: string): Promise<void> {
  for (const root of ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]) {
    const folder = path.join(root, own);
    for (let tries = 0; tries < 100; tries++) {
      const inside = await fs.readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
      const folders = inside.flatMap((each) =>
        each.isDirectory() ? [path.join(each.parentPath, each.name)] : [],
      );
      for (const each of [...folders.toSorted().toReversed(), folder]) await fs.rmdir(each).catch(() => {});
      if ((await fs.stat(folder).catch(() => undefined)) === undefined) break;
      await sleep(50);
    }
  }
}
