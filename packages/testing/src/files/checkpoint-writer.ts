import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** `type` is GGUF's number for the value's type. */
export type Entry = readonly [key: string, type: number, value: Buffer];

export interface WrittenTensor {
  readonly name: string;
  /** Outermost axis first. */
  readonly shape: readonly number[];
  readonly type: number;
  readonly data: Buffer;
  /** Overrides what an honest writer would put there. */
  readonly offset?: bigint;
  readonly axes?: readonly bigint[];
}

export interface WrittenGguf {
  readonly magic?: string;
  readonly version?: number;
  readonly tensorCount?: bigint;
  readonly entryCount?: bigint;
  readonly alignment?: number;
  readonly entries?: readonly Entry[];
  readonly tensors?: readonly WrittenTensor[];
}

export const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
export const u64 = (value: number | bigint) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
export const f32 = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
export const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
export const list = (type: number, items: readonly Buffer[]) =>
  Buffer.concat([u32(type), u64(items.length), ...items]);

export const uint32Entry = (key: string, value: number): Entry => [key, 4, u32(value)];
export const uint16Entry = (key: string, value: number): Entry => [key, 2, u32(value).subarray(0, 2)];
export const stringEntry = (key: string, value: string): Entry => [key, 8, text(value)];

export const float32Tensor = (name: string, shape: readonly number[], values: number[]): WrittenTensor => ({
  name,
  shape,
  type: 0,
  data: f32(...values),
});

/** A GGUF file as its specification says, except where `file` asks for a fault. */
export function writeGguf(file: WrittenGguf): Buffer {
  const { entries = [], tensors = [], alignment = 32 } = file;
  const table: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    const axes = tensor.axes ?? tensor.shape.map(BigInt).reverse();
    table.push(text(tensor.name), u32(axes.length), ...axes.map(u64), u32(tensor.type));
    table.push(u64(tensor.offset ?? offset));
    data.push(padTo(tensor.data, alignment));
    offset += data.at(-1)!.length;
  }
  const header = Buffer.concat([
    Buffer.from(file.magic ?? "GGUF"),
    u32(file.version ?? 3),
    u64(file.tensorCount ?? tensors.length),
    u64(file.entryCount ?? entries.length),
    ...entries.flatMap(([key, type, value]) => [text(key), u32(type), value]),
    ...table,
  ]);
  return Buffer.concat([tensors.length === 0 ? header : padTo(header, alignment), ...data]);
}

export interface WrittenShard {
  readonly [name: string]: {
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly data: Buffer;
  };
}

export function writeSafetensors(tensors: WrittenShard, metadata?: unknown): Buffer {
  let end = 0;
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  return joinSafetensors(JSON.stringify(header), ...Object.values(tensors).map((tensor) => tensor.data));
}

export function joinSafetensors(header: string, ...data: readonly Buffer[]): Buffer {
  return Buffer.concat([u64(Buffer.byteLength(header)), Buffer.from(header), ...data]);
}

/** A folder that goes away with the test. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "amulet-formats-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files into a fresh folder; gives the path of the first. */
export async function place(files: Readonly<Record<string, Buffer | string>>): Promise<string> {
  const folder = await makeFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return join(folder, Object.keys(files)[0]!);
}

function padTo(bytes: Buffer, alignment: number): Buffer {
  const padding = (alignment - (bytes.length % alignment)) % alignment;
  return Buffer.concat([bytes, Buffer.alloc(padding)]);
}
