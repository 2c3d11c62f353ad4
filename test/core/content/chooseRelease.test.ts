import { describe, expect, test } from "vitest";
import { type InstalledComponent, target } from "../../../src/core/content/chooseRelease.ts";
import type { Manifest, Release } from "../../../src/core/content/manifest.ts";

const release = (number: number): Release => ({ release: number, version: `${number}.0`, files: [] });

/** A manifest with these releases, highest first as they are read. */
function offering(...numbers: number[]): Manifest {
  return { kind: "components", name: "virus-pattern", releases: numbers.map(release) };
}

function having(number: number): InstalledComponent {
  return { kind: "components", name: "virus-pattern", ...release(number) };
}

const install = (number: number) => ({ action: "install", release: release(number) });
const keep = (reason: string) => ({ action: "keep", reason });

describe("without a hold", () => {
  test.for([
    ["the highest release is installed where none is", [44, 43], undefined, undefined, install(44)],
    ["a higher release replaces a lower one", [44, 43], 42, undefined, install(44)],
    ["the installed release stays when it is the highest", [44, 43], 44, undefined, keep("current")],
    ["a lower release is never installed", [43], 44, undefined, keep("newer than offered")],
    ["a release that failed here is not installed again", [44], 43, 44, keep("held after a failure")],
    ["neither is one below it", [43], 42, 44, keep("held after a failure")],
    ["nor where nothing is installed", [44], undefined, 44, keep("held after a failure")],
    ["a release above the failed one is installed", [45, 44], 43, 44, install(45)],
    ["a failed release that is installed after all is current", [44], 44, 44, keep("current")],
  ] as const)("%s", ([, offered, installed, failed, result]) => {
    const component = installed === undefined ? undefined : having(installed);
    expect(target(offering(...offered), component, { failed })).toEqual(result);
  });

  test("a manifest without releases offers nothing", () => {
    const result = { action: "unavailable", reason: "the manifest lists no release" };
    expect(target(offering(), having(1), {})).toEqual(result);
  });
});

describe("a hold by the policy is obeyed", () => {
  test.for([
    ["by staying below the highest", [44, 43], 43, undefined, keep("held by policy")],
    ["by going back", [44, 43], 44, undefined, install(43)],
    ["by going up to it and no further", [44, 43, 42], 42, undefined, install(43)],
    ["where nothing is installed", [44, 43], undefined, undefined, install(43)],
    ["although the release failed here: a person's word is newer", [44, 43], 42, 43, install(43)],
    ["by staying, also when the release is no longer offered", [44], 43, undefined, keep("held by policy")],
  ] as const)("%s", ([, offered, installed, failed, result]) => {
    const component = installed === undefined ? undefined : having(installed);
    expect(target(offering(...offered), component, { policy: 43, failed })).toEqual(result);
  });

  test.for([undefined, 42, 44])(
    "by installing nothing else when it is not offered (installed: %s)",
    (installed) => {
      const component = installed === undefined ? undefined : having(installed);
      expect(target(offering(45, 44), component, { policy: 43 })).toEqual({
        action: "unavailable",
        reason: "release 43, which the policy holds, is not offered",
      });
    },
  );
});
