/** Where @amulet-ts/models looks for kernels: at the backend that runs, under a key that both know. */
import { backend } from "@tensorflow/tfjs-core";

const agreedKey = Symbol.for("@amulet-ts/stored-kernels");

export function leaveAtBackend(kernels: object): void {
  Object.defineProperty(backend(), agreedKey, { value: kernels, configurable: true });
}

/** Takes them away again; weights that they hold stay usable. */
export function removeKernelsFromBackend(): void {
  Object.defineProperty(backend(), agreedKey, { value: undefined, configurable: true });
}
