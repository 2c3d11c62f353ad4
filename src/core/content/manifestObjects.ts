/** A reference to an object by its SHA-256, in lower-case hex. */
interface Named {
  sha256: string;
}

/** A file, as far as it leads to objects. */
interface NamedFile extends Named {
  alternatives?: readonly Named[] | undefined;
}

/** The objects that lead to a file: itself, and each of the cheaper ways to it. */
export function objectsOfFile<File extends NamedFile>(
  file: File,
): (File | NonNullable<File["alternatives"]>[number])[] {
  return [file, ...(file.alternatives ?? [])];
}

/** SHA-256 of every object that releases lead to. */
export function objectsOf(releases: Iterable<{ files: readonly NamedFile[] }>): Set<string> {
  const objects = new Set<string>();
  for (const { files } of releases) {
    for (const { sha256 } of files.flatMap(objectsOfFile)) objects.add(sha256);
  }
  return objects;
}
