import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { newSigner } from "../../support/otherPublisher.ts";
import { readTree } from "../../support/world.ts";
import { addTarget, delegate, newRole, publish, takeAsked } from "./repository.ts";
import { begun, prepareStages } from "./stage.ts";

prepareStages();

describe.concurrent("a target", () => {
  const published = async (name: string, content = "content", algorithms = ["sha256"]) => {
    const staged = await begun();
    addTarget(staged.repository, "targets", name, content, algorithms);
    publish(staged.repository, "targets", "snapshot", "timestamp");
    return staged;
  };

  test.for(["file.txt", "path/to/a/file.txt", "name with blanks", "ä.txt", "50%.txt"])(
    "named %s is downloaded",
    async (name) => {
      const { repository, download, downloaded } = await published(name);
      for (const [path, bytes] of [...repository.files]) repository.files.set(encodeURI(path), bytes);
      expect(await download(name)).toBe(0);
      expect(await downloaded()).toEqual(["content"]);
    },
  );

  test.for([[["sha256"]], [["sha512"]], [["sha256", "sha512"]]])(
    "signed with %j is downloaded",
    async ([hashes]) => {
      const { download, downloaded } = await published("file", "content", hashes);
      expect(await download("file")).toBe(0);
      expect(await downloaded()).toEqual(["content"]);
    },
  );

  test("that is there already is neither fetched nor written again, and one that was altered is", async () => {
    const { repository, download, downloaded, targetDir } = await published("dir/file");
    expect(await download("dir/file")).toBe(0);
    takeAsked(repository);
    const [file = ""] = Object.keys(await readTree(targetDir));
    const { ino } = await fs.stat(path.join(targetDir, file));
    expect(await download("dir/file")).toBe(0);
    expect(takeAsked(repository)).toEqual(["2.root", "timestamp"]);
    expect((await fs.stat(path.join(targetDir, file))).ino).toBe(ino);
    await fs.writeFile(path.join(targetDir, file), "altered");
    expect(await download("dir/file")).toBe(0);
    expect(await downloaded()).toEqual(["content"]);
  });

  test.for([
    ["other bytes", "malicio"],
    ["a part of it", "cont"],
    ["more", "content and more"],
    ["nothing", ""],
  ] as const)(
    "of which the repository serves %s is not taken, and nothing of it stays",
    async ([, bytes]) => {
      const { repository, download, targetDir } = await published("file");
      for (const name of [...repository.files.keys()])
        if (name.startsWith("targets/")) repository.files.set(name, Buffer.from(bytes));
      expect(await download("file")).toBe(1);
      expect(await fs.readdir(targetDir)).toEqual([]);
    },
  );

  test("that changes is followed, version by version", async () => {
    const { repository, download, downloaded } = await published("file", "version 0");
    for (const content of ["version 0", "version 1", "version 2"]) {
      addTarget(repository, "targets", "file", content);
      publish(repository, "targets", "snapshot", "timestamp");
      expect(await download("file")).toBe(0);
      expect(await downloaded()).toEqual([content]);
    }
  });

  test("whose name leaves the folder stays in it", async () => {
    const { download, targetDir } = await published("../../escaped");
    await download("../../escaped");
    const siblings = await fs.readdir(path.join(targetDir, ".."));
    expect(siblings.sort()).toEqual(["initial_root.json", "metadata", "targets"]);
  });
});

/** A delegation: from, to, and what of it is unusual. */
type Delegation = [from: string, to: string, more?: { terminating?: boolean; paths?: string[] }];

const graphs: [name: string, delegations: Delegation[], visited: string[]][] = [
  ["one role", [["targets", "A"]], ["A"]],
  [
    "two roles in their order",
    [
      ["targets", "A"],
      ["targets", "B"],
    ],
    ["A", "B"],
  ],
  [
    "depth first",
    [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C"],
      ["A", "D"],
    ],
    ["A", "C", "D", "B"],
  ],
  [
    "three levels",
    [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C"],
      ["C", "D"],
    ],
    ["A", "C", "D", "B"],
  ],
  [
    "a terminating role",
    [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C", { terminating: true }],
      ["A", "D"],
    ],
    ["A", "C"],
  ],
  [
    "a terminating role with one below it",
    [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C", { terminating: true }],
      ["C", "D"],
    ],
    ["A", "C", "D"],
  ],
  [
    "paths that do not match",
    [
      ["targets", "A", { paths: ["*.py"] }],
      ["targets", "B"],
      ["A", "C"],
    ],
    ["B"],
  ],
  [
    "paths that do not match further down",
    [
      ["targets", "A"],
      ["targets", "B"],
      ["A", "C", { paths: ["*.py"] }],
      ["C", "D"],
    ],
    ["A", "B"],
  ],
  [
    "a circle",
    [
      ["targets", "A"],
      ["targets", "B"],
      ["B", "C"],
      ["C", "D"],
      ["D", "B"],
    ],
    ["A", "B", "C", "D"],
  ],
  [
    "a role that two delegate to",
    [
      ["targets", "A"],
      ["targets", "B"],
      ["B", "C"],
      ["A", "C"],
    ],
    ["A", "C", "B"],
  ],
  [
    "a role that one of two delegates to",
    [
      ["targets", "A"],
      ["targets", "B"],
      ["B", "C"],
      ["A", "C", { paths: ["*.py"] }],
    ],
    ["A", "B", "C"],
  ],
];

describe.concurrent("delegations", () => {
  test.for(graphs)("are searched in the order of the specification: %s", async ([, delegations, visited]) => {
    const { repository, download } = await begun();
    for (const [from, to, more = {}] of delegations)
      delegate(repository, from, to, { paths: ["*"], ...more });
    const names = new Set(delegations.map(([, to]) => to));
    publish(repository, ...names, "targets", "snapshot", "timestamp");
    expect(await download("missingpath")).toBe(1);
    expect(takeAsked(repository).slice(4)).toEqual(visited.map((role) => `1.${role}`));
  });

  const files: [target: string, found: boolean, visited: string[]][] = [
    ["targetfile", true, []],
    ["README.md", true, ["A"]],
    ["releases/x/x_v1", true, ["B", "C"]],
    ["releases/y/y_v1.zip", true, ["B", "D"]],
    ["releases/z/z_v1.zip", false, ["B"]],
  ];
  test.for(files)("lead to %s: %s", async ([target, found, visited]) => {
    const { repository, download, downloaded } = await begun();
    delegate(repository, "targets", "A", { paths: ["*.doc", "*.md"] });
    delegate(repository, "targets", "B", { paths: ["releases/*/*"] });
    delegate(repository, "B", "C", { paths: ["releases/x/*"] });
    delegate(repository, "B", "D", { paths: ["releases/y/*.zip"] });
    addTarget(repository, "targets", "targetfile", "targetfile");
    addTarget(repository, "A", "README.md", "README.md");
    addTarget(repository, "C", "releases/x/x_v1", "releases/x/x_v1");
    for (const name of ["releases/y/y_v1.zip", "releases/z/z_v1.zip"]) addTarget(repository, "D", name, name);
    publish(repository, "A", "B", "C", "D", "targets", "snapshot", "timestamp");
    expect(await download(target)).toBe(found ? 0 : 1);
    expect(await downloaded()).toEqual(found ? [target] : []);
    const roles = takeAsked(repository)
      .slice(4)
      .filter((asked) => !asked.startsWith("targets/"));
    expect(roles).toEqual(visited.map((role) => `1.${role}`));
  });

  test.for(["?", "#", "/delegatedrole", "../delegatedrole", "a b", "ä", "%2e%2e"])(
    "to a role named %j are asked for in the encoding of URLs, and kept where they belong",
    async (name) => {
      const { repository, download, trusted, metadataDir } = await begun();
      delegate(repository, "targets", name);
      publish(repository, name, "targets", "snapshot", "timestamp");
      expect(await download("nonexistent target")).toBe(1);
      expect(takeAsked(repository)).toContain(`1.${encodeURIComponent(name)}`);
      expect(Object.keys(await trusted())).toHaveLength(5);
      expect((await fs.readdir(path.join(metadataDir, ".."))).sort()).toEqual([
        "initial_root.json",
        "metadata",
        "targets",
      ]);
      expect(await download("nonexistent target")).toBe(1);
      expect(takeAsked(repository)).toEqual(["2.root", "timestamp"]);
    },
  );

  test("by hash prefixes lead to the role whose prefix fits", async () => {
    const { repository, download, downloaded } = await begun();
    // SHA-256 of "file" begins with 3b9c.
    delegate(repository, "targets", "other", { path_hash_prefixes: ["0", "3a"] });
    delegate(repository, "targets", "fits", { path_hash_prefixes: ["3b9c"] });
    for (const role of ["other", "fits"]) addTarget(repository, role, "file", role);
    publish(repository, "other", "fits", "targets", "snapshot", "timestamp");
    expect(await download("file")).toBe(0);
    expect(await downloaded()).toEqual(["fits"]);
  });

  test("to succinct bins lead to the one bin of a target", async () => {
    const { repository, download, downloaded } = await begun();
    const signer = newSigner("ecdsa");
    const bins = ["bin-0", "bin-1", "bin-2", "bin-3"];
    Object.assign(repository.roles.targets ?? {}, {
      delegations: {
        keys: { [signer.id]: signer.key },
        succinct_roles: { keyids: [signer.id], threshold: 1, bit_length: 2, name_prefix: "bin" },
      },
    });
    for (const bin of bins) {
      repository.roles[bin] = newRole("targets", { targets: {} });
      repository.signers[bin] = [signer];
    }
    // The first two bits of SHA-256 of "file" are 00.
    addTarget(repository, "bin-0", "file", "content");
    publish(repository, ...bins, "targets", "snapshot", "timestamp");
    expect(await download("file")).toBe(0);
    expect(await downloaded()).toEqual(["content"]);
    expect(takeAsked(repository).filter((asked) => asked.includes("bin-"))).toEqual(["1.bin-0"]);
  });

  test("more than 32 deep are given up", async () => {
    const { repository, download, downloaded } = await begun();
    const names = Array.from({ length: 40 }, (_, index) => `role${index}`);
    for (const [index, name] of names.entries()) delegate(repository, names[index - 1] ?? "targets", name);
    addTarget(repository, "role39", "deep", "deep");
    publish(repository, ...names, "targets", "snapshot", "timestamp");
    expect(await download("deep")).toBe(1);
    expect(await downloaded()).toEqual([]);
    expect(takeAsked(repository).length).toBeLessThan(40);
  });

  test("to a role that the snapshot does not list are no way to a target", async () => {
    const { repository, download } = await begun();
    delegate(repository, "targets", "unknown");
    publish(repository, "targets", "snapshot", "timestamp");
    expect(await download("file")).toBe(1);
    expect(takeAsked(repository)).not.toContain("1.unknown");
  });

  test("that are signed by another role's key are refused", async () => {
    const { repository, download, downloaded } = await begun();
    delegate(repository, "targets", "A", { paths: ["a*"] });
    delegate(repository, "targets", "B", { paths: ["b*"] });
    addTarget(repository, "B", "b", "b");
    repository.signers.B = repository.signers.A ?? [];
    publish(repository, "A", "B", "targets", "snapshot", "timestamp");
    expect(await download("b")).toBe(1);
    expect(await downloaded()).toEqual([]);
  });
});
