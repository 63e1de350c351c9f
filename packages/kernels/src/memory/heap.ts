/**
 * Who has which part of a WebAssembly memory: first fit, and neighbours that are free are one. The memory grows when
 * nothing fits and never shrinks; it goes as a whole when its last part is given back.
 */
import { KernelsError } from "../errors.js";
import { firstFree } from "./layout.js";
import type { WasmMemory } from "./webassembly.js";

const pageBytes = 2 ** 16;
/** What addresses of 32 bits reach, but for the last page: loops count up to the address where a part ends, which must be one. */
export const mostPages = 2 ** 16 - 1;
/** A cache line, so that no two parts share one. */
const alignment = 64;

interface Span {
  readonly at: number;
  readonly bytes: number;
}

const gone: WasmMemory = {
  buffer: new ArrayBuffer(0),
  grow: () => {
    throw new Error("The memory was given back with the last that was held in it.");
  },
};

export class Heap {
  /** In the order of their addresses; no two touch. */
  private free: Span[];
  private readonly held = new Map<number, number>();
  private buffer: ArrayBufferLike;
  private bytesNow: Uint8Array;

  constructor(private memory: WasmMemory) {
    this.buffer = memory.buffer;
    this.bytesNow = new Uint8Array(this.buffer);
    this.free = [{ at: firstFree, bytes: this.buffer.byteLength - firstFree }];
  }

  /** All of it; not to be kept, as it ends where the memory did when it was asked for. */
  get bytes(): Uint8Array {
    if (this.buffer !== this.memory.buffer) {
      this.buffer = this.memory.buffer;
      this.bytesNow = new Uint8Array(this.buffer);
    }
    return this.bytesNow;
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.bytes.buffer, at, count);
  }

  get heldBytes(): number {
    return [...this.held.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** How many parts are given away. */
  get holds(): number {
    return this.held.size;
  }

  /** @throws KernelsError `out-of-memory`, and TypeError for what is no number of bytes, which would never be found */
  allocate(bytes: number): number {
    if (!(bytes >= 0 && bytes < Number.POSITIVE_INFINITY))
      throw new TypeError(`A part of memory must have a number of bytes, 0 or more; this one has ${bytes}.`);
    const needed = Math.max(1, Math.ceil(bytes / alignment)) * alignment;
    const found = this.free.findIndex((span) => span.bytes >= needed);
    if (found < 0) {
      this.grow(needed);
      return this.allocate(bytes);
    }
    const { at, bytes: room } = this.free[found]!;
    if (room === needed) this.free.splice(found, 1);
    else this.free[found] = { at: at + needed, bytes: room - needed };
    this.held.set(at, needed);
    return at;
  }

  release(at: number): void {
    const bytes = this.held.get(at);
    if (bytes === undefined) return;
    this.held.delete(at);
    this.addFree({ at, bytes });
  }

  /** Lets go of the memory, so that it goes back to the system whoever still has this heap. */
  close(): void {
    this.memory = gone;
    this.buffer = gone.buffer;
    this.bytesNow = new Uint8Array(gone.buffer);
    this.free = [];
    this.held.clear();
  }

  private addFree({ at, bytes }: Span): void {
    const next = this.free.findIndex((span) => span.at > at);
    const place = next < 0 ? this.free.length : next;
    const [before, after] = [this.free[place - 1], this.free[place]];
    const joinsBefore = before !== undefined && before.at + before.bytes === at;
    const joinsAfter = after !== undefined && at + bytes === after.at;
    const start = joinsBefore ? before.at : at;
    const end = joinsAfter ? after.at + after.bytes : at + bytes;
    const first = joinsBefore ? place - 1 : place;
    this.free.splice(first, Number(joinsBefore) + Number(joinsAfter), { at: start, bytes: end - start });
  }

  private grow(bytes: number): void {
    const end = this.memory.buffer.byteLength;
    const last = this.free.at(-1);
    const room = last && last.at + last.bytes === end ? last.bytes : 0;
    const needed = Math.ceil((bytes - room) / pageBytes);
    // A memory that threads share takes milliseconds to grow, and takes nothing from the system where nobody writes.
    const ample = Math.min(Math.ceil(end / pageBytes / 8), mostPages - end / pageBytes);
    try {
      if (ample <= needed || !this.growsBy(ample)) this.memory.grow(needed);
    } catch (cause) {
      throw new KernelsError(
        "out-of-memory",
        `The memory of the kernels, 4 GiB at most, holds ${this.heldBytes} bytes and has no room for another ${bytes} ` +
          "in one piece. Take fewer rows or tokens, a smaller model, another backend (see --backend), " +
          "or the engine llama.cpp (--engine llama.cpp): node's and llama.cpp's limit is the machine's memory.",
        { cause },
      );
    }
    this.addFree({ at: end, bytes: this.memory.buffer.byteLength - end });
  }

  private growsBy(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }
}
