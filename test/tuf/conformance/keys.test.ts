import { describe, expect, test } from "vitest";
import { newSigner, type Signer } from "../../support/otherPublisher.ts";
import { authorize, metadataPath, publish } from "./repository.ts";
import { begun, prepareStages, stage } from "./stage.ts";

prepareStages();

/** A version of a role by numbers: its keys, how many must sign, and which did. */
type Version = [keys: number[], threshold: number, signed: number[]];

const FIVE = [0, 1, 2, 3, 4];

const rootChains: [name: string, chain: Version[], accepted: boolean][] = [
  [
    "one key for another",
    [
      [[1], 1, [1]],
      [[2], 1, [2, 1]],
      [[2], 1, [2]],
    ],
    true,
  ],
  [
    "one key for another, amid signatures of strangers",
    [
      [[1], 1, [3, 1, 4]],
      [[2], 1, [3, 2, 1, 4]],
      [[2], 1, [3, 2, 4]],
    ],
    true,
  ],
  [
    "three of five, of which others sign each time",
    [
      [FIVE, 3, [0, 2, 4]],
      [FIVE, 3, [0, 4, 1]],
      [FIVE, 3, [0, 1, 3]],
    ],
    true,
  ],
  [
    "one of five for another",
    [
      [FIVE, 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 1]],
    ],
    true,
  ],
  [
    "all of five for others",
    [
      [FIVE, 3, [0, 2, 4]],
      [[5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]],
      [[5, 6, 7, 8, 9], 3, [5, 6, 7]],
    ],
    true,
  ],
  [
    "a threshold of one for two",
    [
      [[1, 2, 3], 1, [1]],
      [[1, 2, 3], 2, [1, 2]],
    ],
    true,
  ],
  [
    "a threshold of two for one",
    [
      [[1, 2, 3], 2, [1, 2]],
      [[1, 2, 3], 1, [1, 2]],
      [[1, 2, 3], 1, [1]],
    ],
    true,
  ],
  [
    "a key without the old one's signature",
    [
      [[1], 1, [1]],
      [[2], 1, [2, 3, 4]],
    ],
    false,
  ],
  [
    "a key without its own signature",
    [
      [[1], 1, [1]],
      [[2], 1, [1, 3, 4]],
    ],
    false,
  ],
  [
    "one of five with two new signatures",
    [
      [FIVE, 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 2, 4]],
    ],
    false,
  ],
  [
    "one of five with two old signatures",
    [
      [FIVE, 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 5]],
    ],
    false,
  ],
  [
    "a higher threshold that is not met",
    [
      [[1, 2, 3], 1, [1]],
      [[1, 2, 3], 2, [2]],
    ],
    false,
  ],
  [
    "a lower threshold without the old one's signatures",
    [
      [[1, 2, 3], 2, [1, 2]],
      [[1, 2, 3], 1, [1]],
    ],
    false,
  ],
];

const roleVersions: [name: string, version: Version, accepted: boolean][] = [
  ["a new key", [[2], 1, [2]], true],
  ["its key and strangers'", [[1], 1, [3, 1, 4]], true],
  ["three of five", [FIVE, 3, [0, 2, 4]], true],
  ["three others of five", [FIVE, 3, [1, 2, 3]], true],
  ["not the new key", [[2], 1, [1, 3, 4]], false],
  ["two of five and a key that is gone", [[0, 1, 3, 4, 5], 3, [0, 2, 4]], false],
  ["two where three must", [[0, 1, 3, 4, 5], 3, [0, 4]], false],
];

describe.concurrent("keys", () => {
  const keys = Array.from({ length: 10 }, () => newSigner());
  const pick = (numbers: number[]) => numbers.flatMap((number) => keys[number] ?? []);

  test.for(rootChains)("of the root: %s", async ([, chain, accepted]) => {
    const { repository, init, refresh, file } = await stage();
    repository.roles.root.version = 0;
    for (const [own, threshold, signed] of chain) {
      authorize(repository, "root", pick(own), threshold);
      repository.signers.root = pick(signed);
      publish(repository, "root");
    }
    expect(await init()).toBe(0);
    expect(await refresh()).toBe(accepted ? 0 : 1);
    const last = accepted ? chain.length : chain.length - 1;
    expect(await file("root")).toEqual(repository.files.get(metadataPath("root", last)));
  });

  test.for(
    ["timestamp", "snapshot", "targets"].flatMap((role) =>
      roleVersions.map((each) => [role, ...each] as const),
    ),
  )("of the %s: signed by %s", async ([role, , [own, threshold, signed], accepted]) => {
    const { repository, refresh, file } = await begun();
    authorize(repository, role, pick(own), threshold);
    repository.signers[role] = pick(signed);
    publish(repository, "root", "targets", "snapshot", "timestamp");
    expect(await refresh()).toBe(accepted ? 0 : 1);
    if (accepted) expect(await file(role)).toEqual(repository.files.get(metadataPath(role)));
    else await expect(file(role)).rejects.toThrow("ENOENT");
  });

  test.for(["rsa", "ecdsa", "ed25519"] as const)(
    "of type %s are understood, and their signatures checked",
    async (type) => {
      const { repository, refresh, trusted } = await begun();
      const both = [...(repository.signers.root ?? []), newSigner(type)];
      repository.signers.root = both;
      authorize(repository, "root", both, 2);
      publish(repository, "root");
      expect(await refresh()).toBe(0);
      publish(repository, "root");
      const forged = JSON.parse(`${repository.files.get(metadataPath("root", 3))}`);
      const other = newSigner(type).sign(Buffer.from("something else"));
      Object.assign(forged.signatures[1], { sig: other });
      repository.files.set(metadataPath("root", 3), Buffer.from(JSON.stringify(forged)));
      expect(await refresh()).toBe(1);
      expect(await trusted()).toMatchObject({ root: 2 });
    },
  );

  test("fewer than the threshold wants cannot sign", async () => {
    const { repository, refresh, trusted } = await begun();
    repository.signers.snapshot = pick(FIVE);
    authorize(repository, "snapshot", pick(FIVE), 6);
    publish(repository, "root", "snapshot", "timestamp");
    expect(await refresh()).toBe(1);
    expect(await trusted()).toEqual({ root: 2, timestamp: 2 });
  });

  test("that a role lists nine times count once", async () => {
    const { repository, refresh, trusted } = await begun();
    const nine = pick(Array(9).fill(1));
    repository.signers.snapshot = nine;
    authorize(repository, "snapshot", nine, 6);
    publish(repository, "root", "snapshot", "timestamp");
    expect(await refresh()).toBe(1);
    expect(await trusted()).not.toHaveProperty("snapshot");
  });

  test("that sign twice are refused, though once is enough", async () => {
    const { repository, refresh, trusted } = await begun();
    repository.signers.snapshot = [
      ...(repository.signers.snapshot ?? []),
      ...(repository.signers.snapshot ?? []),
    ];
    publish(repository, "snapshot", "timestamp");
    expect(await refresh()).toBe(1);
    expect(await trusted()).not.toHaveProperty("snapshot");
  });

  test.for(["", "00", "3045022100"])(
    "beside which a signature %j stands are enough where one is",
    async (sig) => {
      const { repository, refresh } = await begun();
      const [own = newSigner()] = repository.signers.timestamp ?? [];
      const other = newSigner("ecdsa");
      authorize(repository, "timestamp", [other, own]);
      repository.signers.timestamp = [{ ...other, sign: () => sig }, own];
      publish(repository, "root", "timestamp");
      expect(await refresh()).toBe(0);
    },
  );

  test.for([
    {
      keytype: "sigstore-oidc",
      scheme: "Fulcio",
      keyval: { identity: "a@b.test", issuer: "https://issuer.test" },
    },
    { keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyval: { public: "no key" } },
  ])("of which one is of a kind that nobody knows are enough without it", async (key) => {
    const { repository, refresh, trusted } = await begun();
    const [own = newSigner()] = repository.signers.root ?? [];
    const strange: Signer = { id: "5".repeat(64), key, sign: () => "00" };
    authorize(repository, "root", [strange, own]);
    repository.signers.root = [strange, own];
    publish(repository, "root");
    expect(await refresh()).toBe(0);
    expect(await trusted()).toMatchObject({ root: 2 });
  });
});
