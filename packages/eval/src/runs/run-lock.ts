/** One process at a time for each share of a run: a file that says who has it. */
import { randomUUID } from "node:crypto";
import { link, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { EvaluationError } from "../errors.js";
import { nameShard, type Shard } from "./rows.js";

const holderSchema = v.object({
  pid: v.number(),
  host: v.string(),
  token: v.pipe(v.string(), v.regex(/^[\w-]+$/)),
  since: v.string(),
});
export type LockHolder = v.InferOutput<typeof holderSchema>;

const lockName = /^lock\.(\d+-of-\d+)$/;
/** Tokens of the locks that this process holds. */
const held = new Set<string>();

export interface RunLock {
  release(): Promise<void>;
}

/**
 * Takes the share, unless a living process has it, or one that cuts the run otherwise. What a dead process of this
 * machine left behind is taken away.
 *
 * @throws EvaluationError `locked`
 */
export async function lockShard(folder: string, shard: Shard): Promise<RunLock> {
  const path = join(folder, `lock.${nameShard(shard)}`);
  const own = { pid: process.pid, host: hostname(), token: randomUUID(), since: new Date().toISOString() };
  const release = async () => {
    await rm(path, { force: true });
    held.delete(own.token);
  };
  held.add(own.token);
  try {
    await takeLock(path, own);
  } catch (error) {
    held.delete(own.token);
    throw error;
  }
  try {
    await refuseOtherCuts(folder, shard);
  } catch (error) {
    await release();
    throw error;
  }
  return { release };
}

/** Who works on the run now, by share. */
export async function readLocks(folder: string): Promise<Map<string, LockHolder>> {
  const found = new Map<string, LockHolder>();
  for (const name of await readdir(folder)) {
    const [, shard] = lockName.exec(name) ?? [];
    const holder = shard === undefined ? undefined : await readHolder(join(folder, name));
    if (holder && isAlive(holder)) found.set(shard!, holder);
  }
  return found;
}

/** The lock appears with its content, or not at all. */
async function takeLock(path: string, own: LockHolder): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(own));
  try {
    if (await isLinked(draft, path)) return;
    const holder = await readHolder(path);
    if (!holder || isAlive(holder)) throw locked(path, holder);
    await replaceDead(path, holder, draft, own);
  } finally {
    await rm(draft, { force: true });
  }
}

/** One of all that find a dead one's lock may replace it: who holds the lock of that very lock. */
async function replaceDead(path: string, dead: LockHolder, draft: string, own: LockHolder): Promise<void> {
  const permit = `${path}.${dead.token}`;
  await takeLock(permit, own);
  try {
    const holder = await readHolder(path);
    if (holder?.token !== dead.token) throw locked(path, holder);
    await rename(draft, path);
  } finally {
    await rm(permit, { force: true });
  }
}

async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    return v.parse(holderSchema, JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}

/** Of another machine nobody here knows: it counts as alive. */
function isAlive({ pid, host, token }: LockHolder): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return held.has(token);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function refuseOtherCuts(folder: string, { count }: Shard): Promise<void> {
  for (const [name, holder] of await readLocks(folder)) {
    if (!name.endsWith(`-of-${count}`)) throw locked(join(folder, `lock.${name}`), holder);
  }
}

function locked(path: string, holder: LockHolder | undefined): EvaluationError {
  const who = holder ? `process ${holder.pid} on ${holder.host}, since ${holder.since}` : "another process";
  return new EvaluationError(
    "locked",
    `Work on this part of the run is under way: ${who}. Wait for it, take another share with --shard I/N, N being the ` +
      `same for all; or remove ${path} if that process is gone.`,
  );
}
