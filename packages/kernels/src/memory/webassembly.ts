/** What is used of WebAssembly, by types of our own: those of the platform come with a page's library or not at all. */

export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/** Compiled code; a thread gets it as it is. */
export interface WasmModule {
  readonly isModule?: never;
}

interface Platform {
  readonly Memory: new (size: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
  readonly Module: new (code: Uint8Array) => WasmModule;
  readonly validate: (code: Uint8Array) => boolean;
  readonly Instance: new (
    module: WasmModule,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: unknown };
}

const platform = (globalThis as unknown as { WebAssembly: Platform }).WebAssembly;

export const { Memory, Module, Instance } = platform;

/** Whether code is made of instructions that this platform has. */
export const validate = (code: Uint8Array): boolean => platform.validate(code);

/** Code as `#binary` has it. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
