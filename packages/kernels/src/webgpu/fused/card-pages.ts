/**
 * The pages of a model's caches on a card: a buffer for each block, whose pages have the same numbers in all of them. Buffers grow
 * by copies, to twice their size, and go with their last page. In a page the keys of a head lie channel by channel, so that
 * lanes which have a token each read side by side, then those of the next head; then values, token by token, likewise.
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { KernelsError } from "../../errors.js";
import { type CacheShape, type PageStore, tokensOfPage } from "../../fused/pages.js";
import type { WebGpuBackend } from "../backend.js";
import { whole } from "../card.js";
import { copyPageProgram, copyProgram } from "../programs/copy.js";

/** Pages of the first buffers. */
const firstPages = 4;

export class CardPages implements PageStore {
  /** Of each block `[pages, numbers of a page]`. */
  private buffers: readonly TensorInfo[] = [];
  private free: number[] = [];
  private capacity = 0;

  /**
   * @param mostBytes that a buffer may have
   * @param onChange is called when the first page is taken, and when none is left
   */
  constructor(
    private readonly backend: WebGpuBackend,
    private readonly shape: CacheShape,
    private readonly mostBytes: number,
    private readonly onChange: (pages: CardPages) => void = () => {},
  ) {}

  /** Of pages that rows have. */
  get bytes(): number {
    return (this.capacity - this.free.length) * this.shape.blockCount * 4 * this.width;
  }

  /** Numbers of a page in one block. */
  private get width(): number {
    return 2 * tokensOfPage * this.shape.tokenWidth;
  }

  buffer(block: number): TensorInfo {
    return this.buffers[block]!;
  }

  allocate(): number {
    if (this.free.length === 0) this.grow();
    const page = this.free.pop()!;
    if (this.free.length === this.capacity - 1) this.onChange(this);
    return page;
  }

  copy(from: number, to: number): void {
    const [program, uniforms] = [copyPageProgram, [from, to].map(whole)];
    for (const buffer of this.buffers)
      this.backend.runWebGPUProgram(program(buffer.shape, this.width), [], "float32", uniforms, buffer);
  }

  release(page: number): void {
    this.free.push(page);
    if (this.free.length < this.capacity) return;
    for (const { dataId } of this.buffers) this.backend.disposeData(dataId);
    this.buffers = [];
    this.free = [];
    this.capacity = 0;
    this.onChange(this);
  }

  /** @throws KernelsError `out-of-memory` where a buffer would be larger than the device's may be */
  private grow(): void {
    const most = Math.floor(this.mostBytes / (4 * this.width));
    const capacity = Math.min(most, Math.max(firstPages, 2 * this.capacity));
    if (capacity <= this.capacity)
      throw new KernelsError(
        "out-of-memory",
        `The keys and values of ${this.capacity * tokensOfPage} tokens fill the largest buffer of this device: ` +
          "answer fewer questions side by side, or shorter ones, or hold fewer tokens.",
      );
    const old = this.buffers;
    this.buffers = Array.from({ length: this.shape.blockCount }, (_, block) =>
      this.grown(old[block], capacity),
    );
    for (const { dataId } of old) this.backend.disposeData(dataId);
    // The last is taken first.
    this.free = Array.from({ length: capacity - this.capacity }, (_, i) => capacity - 1 - i);
    this.capacity = capacity;
  }

  /** A block's buffer with what the old one held. */
  private grown(old: TensorInfo | undefined, capacity: number): TensorInfo {
    const shape = [capacity, this.width];
    const buffer = this.backend.makeTensorInfo(shape, "float32");
    if (old) this.backend.runWebGPUProgram(copyProgram(shape), [old], "float32", [], buffer);
    return buffer;
  }
}
