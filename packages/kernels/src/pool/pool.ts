/**
 * A memory, the kernels that work in it, and their threads. It is there while something is held in it: the last part
 * given back ends the threads.
 */
import * as binary from "#binary";
import { Heap, mostPages } from "../memory/heap.js";
import { claimShareAt, scratchAt } from "../memory/layout.js";
import { hasRelaxedSimd, makeModule } from "../memory/relaxed-simd.js";
import { bytesOf, Instance, Memory, type WasmMemory, type WasmModule } from "../memory/webassembly.js";
import { startThread } from "./threads.js";

/** What assembly/index.ts exports. */
interface Kernels {
  decode(type: number, from: number, to: number, count: number): void;
  play(at: number, end: number, maySleep: number): void;
  stop(): void;
  tellHalves(table: number): void;
}

const modules = new Map<string, WasmModule>();

/** Compiled once; some kB, so that waiting is no matter. */
function moduleOf(isShared: boolean, isRelaxed: boolean): WasmModule {
  const plain = isShared ? binary.shared : binary.unshared;
  const relaxed = isShared ? binary.sharedRelaxed : binary.unsharedRelaxed;
  const chosen = isRelaxed ? relaxed : plain;
  const compiled = modules.get(chosen) ?? makeModule(bytesOf(chosen));
  modules.set(chosen, compiled);
  return compiled;
}

/** Whether a memory can be shared here: not in a page that is not cross-origin isolated. */
export function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer !== "function") return false;
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? true;
}

/** Whether this thread may sleep: a page's own may not. */
function maySleep(): boolean {
  return (globalThis as { document?: unknown }).document === undefined;
}

/** A table of all halves as float32. */
const halvesBytes = 4 * 2 ** 16;

/** Products below which one thread is as fast. */
const worthThreads = 2 ** 17;

/** Most chunks of a job, so that its counters hold them. */
const mostChunks = 4096;

export class Pool {
  readonly heap: Heap;
  readonly threads: number;
  private readonly module: WasmModule;
  /** Both are let go of when the pool is closed. */
  private memory: WasmMemory | undefined;
  private jobs: Kernels | undefined;
  private readonly sleeps = maySleep() ? 1 : 0;
  private scratch: { readonly at: number; readonly bytes: number } | undefined;
  private areStarted = false;
  private isClosed = false;

  /**
   * @param threads how many may work at once, the caller's own among them
   * @param isRelaxed which build of the kernels computes
   */
  constructor(threads: number, isRelaxed = hasRelaxedSimd()) {
    this.threads = canShareMemory() ? Math.max(1, threads) : 1;
    const isShared = this.threads > 1;
    this.module = moduleOf(isShared, isRelaxed);
    const memory = new Memory({ initial: 1, maximum: mostPages, shared: isShared });
    this.memory = memory;
    this.heap = new Heap(memory);
    const { exports } = new Instance(this.module, { env: { memory } });
    this.jobs = exports as unknown as Kernels;
    new Uint32Array(memory.buffer, claimShareAt, 1)[0] = 2 * this.threads;
    this.jobs.tellHalves(this.heap.allocate(halvesBytes));
  }

  decode(type: number, from: number, to: number, count: number): void {
    this.jobs?.decode(type, from, to, count);
  }

  /** How many equal chunks to cut work into: enough that threads end together, each worth the claiming. */
  chunksFor(units: number, productsOfUnit: number): number {
    if (this.threads === 1 || units * productsOfUnit < worthThreads) return 1;
    const worthClaiming = Math.ceil((units * productsOfUnit) / (worthThreads / 4));
    return Math.min(units, mostChunks, worthClaiming, 32 * this.threads);
  }

  /**
   * Runs jobs one after the other.
   *
   * @param records as assembly/pool.ts reads them
   * @param mostChunks of one of them
   * @param scratchBytes what each thread needs
   */
  play(records: Uint32Array, mostChunks: number, scratchBytes: number): void {
    const scratch = this.scratchOf(scratchBytes);
    const at = this.heap.allocate(records.byteLength);
    new Uint32Array(this.heap.bytes.buffer, at, records.length).set(records);
    new Uint32Array(this.heap.bytes.buffer, scratchAt, 2).set([scratch.at, scratch.bytes]);
    if (mostChunks > 1) this.startThreads();
    try {
      this.jobs?.play(at, at + records.byteLength, this.sleeps);
    } finally {
      this.heap.release(at);
    }
  }

  /** Gives a part of the memory back; with the last one, but for what the pool has for itself, the threads end. */
  release(at: number): void {
    this.heap.release(at);
    if (this.heap.holds === (this.scratch ? 2 : 1)) this.close();
  }

  /** Bytes given away; what the pool has for itself is not counted. */
  get heldBytes(): number {
    if (this.isClosed) return 0;
    return this.heap.heldBytes - halvesBytes - (this.scratch ? this.scratch.bytes * this.threads : 0);
  }

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return !this.isClosed;
  }

  private close(): void {
    this.isClosed = true;
    this.jobs?.stop();
    this.jobs = undefined;
    this.memory = undefined;
    this.heap.close();
  }

  private scratchOf(bytes: number): { readonly at: number; readonly bytes: number } {
    if (this.scratch && this.scratch.bytes >= bytes) return this.scratch;
    const whole = Math.ceil(bytes / 64) * 64;
    const at = this.heap.allocate(whole * this.threads);
    if (this.scratch) this.heap.release(this.scratch.at);
    this.scratch = { at, bytes: whole };
    return this.scratch;
  }

  /** Those that are not ready yet leave their work to the others. */
  private startThreads(): void {
    const { module, memory } = this;
    if (this.areStarted || !memory) return;
    this.areStarted = true;
    for (let thread = 1; thread < this.threads; thread++) void startThread({ module, memory, thread });
  }
}
