import { apiTargets } from "./apiTargets.ts";
import { deltaTargets } from "./deltaTargets.ts";
import { dnsTarget } from "./dnsTarget.ts";
import { documentTargets } from "./documentTargets.ts";
import { downloadTarget } from "./downloadTarget.ts";
import { fileTargets } from "./fileTargets.ts";
import { growthTarget } from "./growthTarget.ts";
import { importTargets } from "./importTargets.ts";
import { manifestTarget } from "./manifestTarget.ts";
import { metadataTargets } from "./metadataTargets.ts";
import { serverTargets } from "./serverTargets.ts";
import { syntaxTargets } from "./syntaxTargets.ts";
import type { FuzzTarget } from "./target.ts";

/**
 * Everything that reads what others wrote.
 *
 * @param scratch a folder that the targets may fill
 */
export function makeTargets(scratch: string): FuzzTarget[] {
  return [
    ...syntaxTargets(),
    ...documentTargets(),
    ...importTargets(),
    manifestTarget(),
    dnsTarget(),
    ...fileTargets(scratch),
    downloadTarget(scratch),
    ...deltaTargets(scratch),
    ...metadataTargets(scratch),
    growthTarget(),
    ...serverTargets(),
    ...apiTargets(),
  ];
}
