/** The part of koffi that is used: calling C from Node, without a compiler. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** An address; null is C's. */
export type Pointer = bigint | null;

/** A C function: called at once, or by `async` on a thread of its own, with a callback at the end. */
export interface NativeFunction {
  (...values: readonly unknown[]): unknown;
  async(...valuesAndCallback: readonly unknown[]): void;
}

export interface NativeLibrary {
  func(name: string, result: unknown, parameters: readonly unknown[]): NativeFunction;
  symbol(name: string): Pointer;
}

export interface Koffi {
  config(settings: Readonly<Record<string, number>>): unknown;
  load(path: string): NativeLibrary;
  struct(members: Readonly<Record<string, unknown>>): unknown;
  proto(result: string, parameters: readonly unknown[]): unknown;
  /** Calls the function at an address. */
  call(address: Pointer, type: unknown, ...values: readonly unknown[]): unknown;
  pointer(type: unknown): unknown;
  array(type: string, length: number): unknown;
  /** A parameter that the function fills. */
  out(type: unknown): unknown;
  /** Bytes of native memory, all zero. */
  alloc(type: string, length: number): Pointer;
  free(address: Pointer): void;
  view(address: Pointer, bytes: number): ArrayBuffer;
  register(callback: (...values: never[]) => unknown, type: unknown): Pointer;
  unregister(callback: Pointer): void;
}

/** Calls from other threads run on a stack of koffi's; its 128 KiB are too few for a model's loader. */
const asyncStackBytes = 8 * 2 ** 20;

let loaded: Koffi | undefined;

/** Undefined where the package or its binary for this platform is not installed. */
export async function loadKoffi(): Promise<Koffi | undefined> {
  if (loaded) return loaded;
  const path = findPackage("koffi");
  if (path === undefined) return undefined;
  try {
    const { default: koffi }: { default: Koffi } = await import(/* @vite-ignore */ pathToFileURL(path).href);
    koffi.config({ async_stack_size: asyncStackBytes });
    loaded = koffi;
    return koffi;
  } catch {
    return undefined;
  }
}

/** The path of an optional package's entry, or undefined where it is not installed. */
export function findPackage(name: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
}
