/** Work for the end of the test file that runs in this process: several run in it one after the other. */
const work: (() => unknown)[] = [];

/** Has `end` done when the test file has ended, before what was asked for earlier. */
export function atFileEnd(end: () => unknown): void {
  work.push(end);
}

/** Does what was asked for, the latest first. */
export async function endFile(): Promise<void> {
  for (const end of work.splice(0).reverse()) await end();
}
