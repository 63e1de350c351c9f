/** Where a libtensorflow that was set up by `amulet doctor --setup-libtensorflow` lies. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The processor's library, or NVIDIA's. */
export type LibraryKind = "cpu" | "gpu";

type Environment = Readonly<Record<string, string | undefined>>;

/** Default: `AMULET_LIBTENSORFLOW`, then amulet/libtensorflow in `XDG_CACHE_HOME` or ~/.cache. */
export function libraryRoot(environment: Environment = process.env): string {
  const { AMULET_LIBTENSORFLOW: named, XDG_CACHE_HOME: cache } = environment;
  return named
    ? expandHome(named)
    : join(cache ? expandHome(cache) : join(homedir(), ".cache"), "amulet", "libtensorflow");
}

/** The folder of one kind; it is whole when it is there. */
export function libraryFolder(kind: LibraryKind, environment?: Environment): string {
  return join(libraryRoot(environment), kind);
}

function expandHome(path: string): string {
  return resolve(path.replace(/^~(?=$|[\\/])/, () => homedir()));
}
