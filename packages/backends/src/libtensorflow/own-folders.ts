/** What a set-up may write and delete: folders that carry its mark. Whatever else lies in the root is the user's. */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BackendError } from "../errors.js";
import { type LibraryKind, libraryFolder, libraryRoot } from "./folder.js";

/** The file that says that a folder was made here and may be deleted. */
export const marker = ".made-by-amulet";

const buildingPrefix = (kind: LibraryKind) => `building-${kind}-`;

/** What is downloaded stays here until all is done: an interrupted set-up goes on. */
const downloadsOf = (kind: LibraryKind) => join(libraryRoot(), `downloads-${kind}`);

export interface WorkFolders {
  /** The folder in the making, of this set-up alone. */
  readonly building: string;
  readonly downloads: string;
}

/**
 * Makes the folders of a set-up, and deletes what one that was killed has left.
 * @throws BackendError `failed-setup` where a folder that is needed is somebody else's, or can't be made
 */
export async function makeWorkFolders(kind: LibraryKind): Promise<WorkFolders> {
  const downloads = downloadsOf(kind);
  refuseForeign(libraryFolder(kind));
  refuseForeign(downloads);
  await removeRemains(kind);
  await mkdir(downloads, { recursive: true });
  const building = await mkdtemp(join(libraryRoot(), buildingPrefix(kind)));
  for (const folder of [downloads, building]) await mark(folder);
  return { building, downloads };
}

/** Puts a folder in the place of the kind's old one, which comes back where that fails. */
export async function moveInPlace(building: string, kind: LibraryKind): Promise<string> {
  const folder = libraryFolder(kind);
  const old = `${building}.old`;
  const wasThere = existsSync(folder);
  if (wasThere) await rename(folder, old);
  try {
    await rename(building, folder);
  } catch (error) {
    if (wasThere) await rename(old, folder);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
  await rm(downloadsOf(kind), { recursive: true, force: true });
  return folder;
}

/**
 * Deletes all that set-ups of a kind have made. Resolves to whether there was something.
 * @throws BackendError `failed-setup` where the kind's folder is somebody else's
 */
export async function removeAll(kind: LibraryKind): Promise<boolean> {
  const folders = [libraryFolder(kind), downloadsOf(kind)].filter((folder) => existsSync(folder));
  for (const folder of folders) refuseForeign(folder);
  for (const folder of folders) await rm(folder, { recursive: true });
  return (await removeRemains(kind)) || folders.length > 0;
}

/**
 * Does some work as the only set-up of its kind in this root.
 * @throws BackendError `failed-setup` while another one runs
 */
export async function alone<T>(kind: LibraryKind, work: () => Promise<T>): Promise<T> {
  const root = libraryRoot();
  await mkdir(root, { recursive: true }).catch((cause: Error) => {
    throw failed(`${root} can't be made (${cause.message}). AMULET_LIBTENSORFLOW names another folder.`);
  });
  const lock = join(root, `.amulet-${kind}.lock`);
  await takeLock(lock);
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function takeLock(lock: string): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(lock, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST") throw failed(`${lock} can't be written (${message}).`);
    }
    const holder = Number(await readFile(lock, "utf8").catch(() => ""));
    if (attempt > 0 || holder === 0 || isRunning(holder)) break;
    await rm(lock, { force: true });
  }
  throw failed(
    `Another set-up of libtensorflow is under way here: ${lock} names its process. Wait for it to end; if there is ` +
      "none, delete that file.",
  );
}

function isRunning(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function removeRemains(kind: LibraryKind): Promise<boolean> {
  const root = libraryRoot();
  const names = existsSync(root) ? await readdir(root) : [];
  const remains = names
    .filter((name) => name.startsWith(buildingPrefix(kind)))
    .map((name) => join(root, name))
    .filter(isOurs);
  for (const folder of remains) await rm(folder, { recursive: true });
  return remains.length > 0;
}

async function mark(folder: string): Promise<void> {
  await writeFile(
    join(folder, marker),
    "`amulet doctor --setup-libtensorflow` made this folder and may delete it.\n",
  );
}

function isOurs(folder: string): boolean {
  return existsSync(join(folder, marker));
}

function refuseForeign(folder: string): void {
  if (!existsSync(folder) || isOurs(folder) || isEmpty(folder)) return;
  throw failed(
    `${folder} was not made by \`amulet doctor --setup-libtensorflow\` (it holds no ${marker}) and stays as it is. ` +
      "Move it away, or name another folder in AMULET_LIBTENSORFLOW.",
  );
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}

function failed(message: string): BackendError {
  return new BackendError("failed-setup", message);
}
