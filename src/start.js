/**
 * `npm start -- COMMAND` in a checkout. npm starts it in the checkout's own folder, while the paths in a
 * command are meant from where the person stands. Plain JavaScript, which any Node reads: one that is too old
 * for the program gets a sentence.
 */
const OLDEST_NODE = 26;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  console.error(`nearsource: it takes Node ${OLDEST_NODE} or newer, and this is ${process.version}`);
  console.error("hint: npm ci brings one along, which npm start then uses");
  process.exitCode = 6;
} else {
  // The web page is built when its sources were changed; who starts no server does not wait for it.
  if (process.argv[2] === "server") await (await import("./console/buildConsole.ts")).freshConsole();
  try {
    process.chdir(process.env.INIT_CWD ?? ".");
  } catch {
    // A folder that is gone: absolute paths still lead somewhere.
  }
  await import("./main.ts");
}
