import { hashedTargetPath, type Repository } from "../../src/core/content/layout.ts";

/** A metadata file: where it stands in the tree, and what is said in it. */
export interface RoleFile {
  path: string;
  bytes: Buffer;
  version: number;
  expires: number;
}

/** One repository as one publication has it, read without any of the product's code for reading it. */
export interface View {
  timestamp: RoleFile;
  roles: Record<string, RoleFile>;
  /** The documents a delegated role signs, by target, in the order of their names. */
  documents: Record<string, Record<string, { path: string; sha256: string }>>;
}

const views = new WeakMap<ReadonlyMap<string, Buffer>, Partial<Record<Repository, View>>>();

export function viewOf(tree: ReadonlyMap<string, Buffer>, repository: Repository): View {
  const known = views.get(tree) ?? {};
  views.set(tree, known);
  known[repository] ??= readView(tree, repository);
  return known[repository];
}

function readView(tree: ReadonlyMap<string, Buffer>, repository: Repository): View {
  const read = (name: string): RoleFile & { signed: Signed } => {
    const path = `${repository}/metadata/${name}.json`;
    const bytes = tree.get(path);
    if (bytes === undefined) throw new Error(`the publisher published no ${path}`);
    const { signed } = JSON.parse(bytes.toString());
    return { path, bytes, signed, version: signed.version, expires: Date.parse(signed.expires) };
  };
  const timestamp = read("timestamp");
  const snapshot = read(`${timestamp.signed.meta["snapshot.json"]?.version}.snapshot`);
  const view: View = { timestamp, roles: { snapshot }, documents: {} };
  for (const [file, { version }] of Object.entries(snapshot.signed.meta)) {
    const role = read(`${version}.${file.replace(/\.json$/, "")}`);
    const name = file.replace(/\.json$/, "");
    view.roles[name] = role;
    const targets = Object.entries(role.signed.targets ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    view.documents[name] = Object.fromEntries(
      targets.map(([target, { hashes }]) => {
        const place = `${repository}/targets/${hashedTargetPath(target, hashes.sha256)}`;
        return [target, { path: place, sha256: hashes.sha256 }];
      }),
    );
  }
  return view;
}

interface Signed {
  meta: Record<string, { version: number }>;
  targets?: Record<string, { hashes: { sha256: string } }>;
}
