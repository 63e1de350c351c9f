/**
 * Where things lie that all threads of a memory read; src/memory/layout.ts says the same to the host. All are 32-bit
 * numbers, addresses in bytes.
 */

/** What is claimed: the next chunk (16 bits), how many there are (16 bits), the job's number (32 bits). */
export const ticket: usize = 64;
/** The job's number alone, on which idle threads sleep. */
export const jobNumber: usize = ticket + 4;
/** Chunks that are done. */
export const doneCount: usize = 128;
/** Threads that sleep, or are about to. */
export const sleeperCount: usize = 192;
/** Not 0 once threads are to end. */
export const stopped: usize = 196;
/** Written once: what part of the chunks that are left is claimed at once, as its inverse. */
export const claimShare: usize = 208;
/** Written once: 255, which the compiler must not know (narrow-product.ts), and the address of a table of all halves. */
export const byteMask: usize = 200;
export const halvesTable: usize = 204;
/** The job, written before its ticket. */
export const job: usize = 256;
/** What is peculiar to a kind of job begins here. */
export const details: usize = job + 16;
