/**
 * The store of WebGPU buffers, bounded. TensorFlow.js 4.22 keeps every buffer for another tensor of the same size and
 * never lets go of one: a cache that grows by a token leaves its old buffers behind at every step. Here, free buffers
 * beyond a budget are destroyed, those of the size that was used least recently first.
 */
import type { BufferStore, GpuBuffer, GpuDevice } from "./webgpu-device.js";

/** Bytes of free buffers that are kept: more than a decoding step gives back, so that steps go on reusing them. */
export const freeBytesKept = 256 * 2 ** 20;

export class BoundedBuffers implements BufferStore {
  numBytesUsed = 0;
  numBytesAllocated = 0;
  private readonly used = new Set<GpuBuffer>();
  /** By size and usage; the kind that was touched last stands last. */
  private readonly free = new Map<string, GpuBuffer[]>();

  constructor(
    private readonly device: GpuDevice,
    private readonly budget = freeBytesKept,
  ) {}

  acquireBuffer(size: number, usage: number, mappedAtCreation = false, reuse = true): GpuBuffer {
    const kept = reuse ? this.touch(kindOf(size, usage)).pop() : undefined;
    const buffer = kept ?? this.device.createBuffer({ size, usage, mappedAtCreation });
    if (!kept) this.numBytesAllocated += size;
    this.numBytesUsed += size;
    this.used.add(buffer);
    return buffer;
  }

  /** The backend calls this after the commands that use the buffer are submitted: destroying it is safe. */
  releaseBuffer(buffer: GpuBuffer, reuse = true): void {
    if (!this.used.delete(buffer)) return;
    this.numBytesUsed -= buffer.size;
    if (!reuse) {
      this.destroy(buffer);
      return;
    }
    this.touch(kindOf(buffer.size, buffer.usage)).push(buffer);
    this.evict();
  }

  getNumUsedBuffers(): number {
    return this.used.size;
  }

  getNumFreeBuffers(): number {
    return [...this.free.values()].reduce((sum, buffers) => sum + buffers.length, 0);
  }

  dispose(): void {
    for (const buffer of [...this.used, ...[...this.free.values()].flat()]) buffer.destroy();
    this.used.clear();
    this.free.clear();
    this.numBytesUsed = this.numBytesAllocated = 0;
  }

  /** The free buffers of a kind, which becomes the one touched last. */
  private touch(kind: string): GpuBuffer[] {
    const buffers = this.free.get(kind) ?? [];
    this.free.delete(kind);
    this.free.set(kind, buffers);
    return buffers;
  }

  private evict(): void {
    for (const [kind, buffers] of this.free) {
      while (buffers.length > 0 && this.numBytesAllocated - this.numBytesUsed > this.budget)
        this.destroy(buffers.pop()!);
      if (this.numBytesAllocated - this.numBytesUsed <= this.budget) return;
      this.free.delete(kind);
    }
  }

  private destroy(buffer: GpuBuffer): void {
    this.numBytesAllocated -= buffer.size;
    buffer.destroy();
  }
}

function kindOf(size: number, usage: number): string {
  return `${size}_${usage}`;
}
