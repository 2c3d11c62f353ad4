import path from "node:path";
import { type DataDir, dataDirAt } from "../../store/dataDir.ts";
import { type ServerConfig, treesOf } from "../serverConfig.ts";

/** The vendor that is mirrored, and the mirror's own folder. */
export interface MirrorPlace {
  /** Base URL of ActiveUpdate. */
  url: string;
  /** File of the vendor's root, where its trust starts. */
  root: string;
  /** The mirror's data directory: the trusted set, and objects on their way. */
  home: string;
}

/** Undefined where `server.json` names no ActiveUpdate, or no root to verify it by. */
export function mirrorPlaceOf(config: ServerConfig): MirrorPlace | undefined {
  const { dir, activeUpdate, roots, trees } = config;
  if (activeUpdate === undefined || roots.content === undefined) return undefined;
  // Beside a folder that servers share, so that one of them at a time mirrors into it, and on the same volume.
  const home = trees === undefined ? path.join(dir, "mirror") : `${treesOf(config)}.mirror`;
  return { url: activeUpdate, root: path.resolve(dir, roots.content), home };
}

/** The same directory, whose objects are those that are published in `www`. */
export function withPublishedObjects(dirs: DataDir, www: string): DataDir {
  return { ...dirs, store: path.join(www, "content", "objects") };
}

/** Paths of the mirror's data directory, without a look at the disk. */
export function mirrorDirsAt({ home }: MirrorPlace): DataDir {
  return dataDirAt(home);
}
