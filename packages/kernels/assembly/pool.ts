/**
 * Threads that share one memory. A job is cut into chunks, and whoever is free claims the next one, the caller included:
 * a thread that the system does not let run holds up no more than what it has claimed, which gets less as a job comes to its end. A
 * ticket carries the job's number, so that a chunk of an earlier job cannot be claimed late.
 */
import { runChunk } from "./jobs";
import { claimShare, details, doneCount, job, jobNumber, sleeperCount, stopped, ticket } from "./layout";

/** Looks at the ticket before a thread sleeps: some 20 µs. */
const looksBeforeSleep: i32 = 4000;

/** Claims chunks of the job that runs until none is left. */
function work(thread: i32): void {
  while (true) {
    const seen = atomic.load<i64>(ticket);
    const next = <i32>(seen & 0xffff);
    const total = <i32>((seen >> 16) & 0xffff);
    if (next >= total) return;
    // Many at once while many are left: claiming costs as much as some products.
    const count = max(1, (total - next) / load<i32>(claimShare));
    if (atomic.cmpxchg<i64>(ticket, seen, seen + count) != seen) continue;
    // The job cannot change before these chunks are done.
    for (let chunk = next; chunk < next + count; chunk++) runChunk(chunk, thread);
    if (atomic.add<i32>(doneCount, count) + count == total) atomic.notify(doneCount, 1);
  }
}

/**
 * Runs the jobs that are recorded from `at` to `end`, one after the other: of each its kind, its chunks, the bytes of its
 * record, and what is peculiar to it.
 *
 * @param maySleep 0 where the thread is a page's own, which must not
 */
export function play(at: usize, end: usize, maySleep: i32): void {
  while (at < end) {
    const bytes = <usize>load<u32>(at, 8);
    store<u32>(job, load<u32>(at));
    memory.copy(details, at + 12, bytes - 12);
    run(load<i32>(at, 4), maySleep);
    at += bytes;
  }
}

/**
 * Runs the job that is written, to its end.
 *
 * @param total chunks, below 2^16
 */
function run(total: i32, maySleep: i32): void {
  if (total == 1) return runChunk(0, 0);
  atomic.store<i32>(doneCount, 0);
  const number = <i64>(atomic.load<i32>(jobNumber) + 1);
  atomic.store<i64>(ticket, (number << 32) | ((<i64>total) << 16));
  if (atomic.load<i32>(sleeperCount) > 0) atomic.notify(jobNumber, -1);
  work(0);
  for (let looks = 0; ; looks++) {
    const done = atomic.load<i32>(doneCount);
    if (done == total) return;
    if (maySleep != 0 && looks > looksBeforeSleep) atomic.wait<i32>(doneCount, done, -1);
  }
}

/** A thread's life: it works and waits until it is stopped. */
export function serve(thread: i32): void {
  while (atomic.load<i32>(stopped) == 0) {
    const number = atomic.load<i32>(jobNumber);
    work(thread);
    let looks = 0;
    while (atomic.load<i32>(jobNumber) == number && looks < looksBeforeSleep) looks++;
    if (looks < looksBeforeSleep) continue;
    atomic.add<i32>(sleeperCount, 1);
    if (atomic.load<i32>(stopped) == 0) atomic.wait<i32>(jobNumber, number, -1);
    atomic.sub<i32>(sleeperCount, 1);
  }
}

/** Wakes all threads so that they end. */
export function stop(): void {
  atomic.store<i32>(stopped, 1);
  atomic.add<i32>(jobNumber, 1);
  atomic.notify(jobNumber, -1);
}
