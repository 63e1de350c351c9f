/** Writes what `gguf.ts` reads. */
import type { WrittenTensor } from "./encode-safetensors.js";

/** A value of the metadata with its type: llama.cpp takes a number only in the type that it expects. */
export type GgufValue =
  | { readonly text: string }
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: boolean }
  | { readonly texts: readonly string[] }
  | { readonly int32s: readonly number[] };

/** A tensor whose bytes follow the header, in the order of the list. */
export interface GgufTensorEntry {
  readonly name: string;
  /** Outermost axis first. */
  readonly shape: readonly number[];
  /** ggml's number of the type: 0 is F32, 2 is Q4_0. */
  readonly type: number;
  readonly byteLength: number;
}

/** Where tensors begin, in bytes. */
export const ggufAlignment = 32;

/** Bytes that stand behind a tensor, so that the next one begins where it may. */
export function ggufPadding(byteLength: number): number {
  return (ggufAlignment - (byteLength % ggufAlignment)) % ggufAlignment;
}

/** A GGUF file in memory, its tensors in float32 and in the order of the map. */
export function encodeGguf(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: ReadonlyMap<string, WrittenTensor>,
): Uint8Array {
  const entries = [...tensors].map(([name, { shape, values }]) => ({
    name,
    shape,
    type: 0,
    byteLength: values.byteLength,
  }));
  const data = [...tensors.values()].map(({ values }) => new Uint8Array(values.slice().buffer));
  return join([encodeGgufHeader(metadata, entries), ...data.map(pad)]);
}

/** Everything before the first tensor's bytes; each tensor is followed by its {@link ggufPadding}. */
export function encodeGgufHeader(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensorEntry[],
): Uint8Array {
  const values = Object.entries(metadata).map(([key, value]) => join([text(key), encodeValue(value)]));
  let offset = 0;
  const table = tensors.map(({ name, shape, type, byteLength }) => {
    const axes = shape.map(uint64).reverse();
    const entry = join([text(name), uint32(axes.length), ...axes, uint32(type), uint64(offset)]);
    offset += byteLength + ggufPadding(byteLength);
    return entry;
  });
  const magic = new TextEncoder().encode("GGUF");
  return pad(join([magic, uint32(3), uint64(tensors.length), uint64(values.length), ...values, ...table]));
}

/** GGUF's numbers of the types. */
const types = { uint32: 4, int32: 5, float32: 6, bool: 7, text: 8, list: 9 } as const;

function encodeValue(value: GgufValue): Uint8Array {
  if ("text" in value) return join([uint32(types.text), text(value.text)]);
  if ("uint32" in value) return join([uint32(types.uint32), uint32(value.uint32)]);
  if ("float32" in value) return join([uint32(types.float32), bytesOf(Float32Array.of(value.float32))]);
  if ("bool" in value) return join([uint32(types.bool), Uint8Array.of(value.bool ? 1 : 0)]);
  if ("texts" in value) return list(types.text, value.texts.map(text));
  return list(types.int32, [bytesOf(Int32Array.from(value.int32s))], value.int32s.length);
}

function list(type: number, items: readonly Uint8Array[], count = items.length): Uint8Array {
  return join([uint32(types.list), uint32(type), uint64(count), ...items]);
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return join([uint64(bytes.length), bytes]);
}

function uint32(value: number): Uint8Array {
  return bytesOf(Uint32Array.of(value));
}

function uint64(value: number): Uint8Array {
  return bytesOf(BigUint64Array.of(BigInt(value)));
}

function bytesOf({ buffer }: { readonly buffer: ArrayBufferLike }): Uint8Array {
  return new Uint8Array(buffer);
}

function pad(bytes: Uint8Array): Uint8Array {
  return join([bytes, new Uint8Array(ggufPadding(bytes.length))]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return joined;
}
