/**
 * A server's mirror, to be killed: makes one pass, and dies by SIGKILL at the n-th call that changes the disk; or
 * lives, and says how many there were. Arguments: the server's folder, and n. The tap must be in place before the
 * product is loaded.
 */
import { tapFileSystem } from "../../crash/fsTap.ts";

const [dir = "", killAt = "0"] = process.argv.slice(2);
let calls = 0;
tapFileSystem(() => {
  if (++calls === Number(killAt)) process.kill(process.pid, "SIGKILL");
});

async function mirror(): Promise<void> {
  const [{ SILENT }, { ContentMirror }, { readServerConfig }, { PublishedTrees }] = await Promise.all([
    import("../../../src/config/log.ts"),
    import("../../../src/server/mirror/contentMirror.ts"),
    import("../../../src/server/serverConfig.ts"),
    import("../../../src/server/settings/publishedTrees.ts"),
  ]);
  const trees = new PublishedTrees(`${dir}/www`);
  const config = await readServerConfig(dir);
  const content = new ContentMirror({ config, trees, log: SILENT, now: Date.now });
  await content.refresh();
  process.stdout.write(`${calls} ${content.state().error?.message ?? "fine"}\n`);
}

void mirror();
