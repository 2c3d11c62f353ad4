import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";

/** The environment in which nginx is found. */
export const NGINX = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

/** Whether nginx is installed; without it, says so. */
export function hasNginx(): boolean {
  const found = spawnSync("nginx", ["-v"], { env: NGINX }).status === 0;
  if (!found) console.warn("nginx is not installed: its tests skip");
  return found;
}

/** A whole configuration around what a page has for `http`, with all that nginx writes in the folder. @returns its file */
export async function writeNginx(folder: string, written: string): Promise<string> {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((each) => `${each}_temp_path ${folder}/${each};`)
    .join(" ");
  const file = path.join(folder, "nginx.conf");
  await fs.writeFile(
    file,
    `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; worker_processes 1; ${user}
events { worker_connections 4000; }
http { access_log off; ${paths}
${written}
}`,
  );
  return file;
}

export function spawnNginx(file: string): ChildProcess {
  return spawn("nginx", ["-c", file], { stdio: "ignore", env: NGINX });
}
