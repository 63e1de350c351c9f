/** Where a job is written, in bytes; assembly/layout.ts and assembly/product.ts say the same to the kernels. */

/** The kind of job: 0 a product, 1 attention. */
export const kindAt = 256;
/** Scratch of the threads: its address and how much each has. */
export const scratchAt = 256 + 4;
/** What is peculiar to a kind of job. */
export const detailsAt = 256 + 16;
/** Parts of a product that stand side by side. */
export const partsAt = detailsAt + 64;
/** 32-bit numbers of a part. */
export const partLength = 8;
/** From here on memory is given away; before it there is room for a hundred parts of a job. */
export const firstFree = 4096;
