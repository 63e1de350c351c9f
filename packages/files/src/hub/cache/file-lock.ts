import { type FileHandle, open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFolders } from "../../places/own-files.js";

/** A lock that is held. */
export interface FileLock {
  release(): Promise<void>;
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** A lock whose holder has not touched it for so long is taken over. */
  readonly staleMilliseconds?: number;
  readonly pollMilliseconds?: number;
}

const heartbeatInterval = 5_000;
const stale = 12 * heartbeatInterval;

/**
 * Takes the lock file `path`, waiting for whoever holds it. A holder that is dead, or silent for a minute (it may be
 * on another machine), loses it. Two holders at once are therefore possible after a long sleep; what the lock guards
 * must only be slower for it, not wrong (see PartialFile).
 */
export async function acquireLock(path: string, options: LockOptions = {}): Promise<FileLock> {
  await makeFolders(dirname(path));
  while (!(await tryCreate(path))) {
    if (await isStale(path, options.staleMilliseconds ?? stale)) await rm(path, { force: true });
    else
      await sleep(options.pollMilliseconds ?? 100, undefined, options.signal && { signal: options.signal });
  }
  return hold(path);
}

/** Whether somebody alive holds the lock. */
export async function isLocked(path: string): Promise<boolean> {
  return stat(path).then(
    async () => !(await isStale(path, stale)),
    () => false,
  );
}

async function tryCreate(path: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, "wx");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
  try {
    await file.writeFile(`${process.pid} ${hostname()}`);
    return true;
  } catch (error) {
    // Without a name in it nobody would see that its holder is gone.
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

function hold(path: string): FileLock {
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, heartbeatInterval);
  heartbeat.unref();
  return {
    async release() {
      clearInterval(heartbeat);
      await rm(path, { force: true });
    },
  };
}

async function isStale(path: string, after: number): Promise<boolean> {
  const touched = await stat(path).catch(() => undefined);
  if (touched === undefined) return false;
  if (Date.now() - touched.mtimeMs > after) return true;
  const [pid, host] = (await readFile(path, "utf8").catch(() => "")).split(" ");
  return host === hostname() && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
