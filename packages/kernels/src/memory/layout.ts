/** Where things lie that the host writes, in bytes; assembly/layout.ts says the same to the kernels. */

/** What part of the chunks that are left a thread claims at once, as its inverse. */
export const claimShareAt = 208;
/** Scratch of the threads: its address and how much each has. */
export const scratchAt = 256 + 4;
/** From here on memory is given away; before it there is room for a product of a hundred parts. */
export const firstFree = 4096;
