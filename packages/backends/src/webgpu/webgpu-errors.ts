/**
 * Errors of a WebGPU device, thrown where somebody waits. A command that is not valid, or finds no memory, is told
 * to nobody who asked for its result: the result is garbage, and a line is printed. Here each read of a tensor collects
 * what went wrong since the last one, and throws it instead of giving the garbage.
 */
import { BackendError } from "../errors.js";
import type { ErrorScope, GpuDevice, WebGpuBackend } from "./webgpu-device.js";

const scopes: readonly ErrorScope[] = ["validation", "out-of-memory", "internal"];

/** Makes the backend's reads throw what its device reports. */
export function reportErrorsAtReads(backend: WebGpuBackend): void {
  const { device } = backend;
  const reported: string[] = [];
  let lost: string | undefined;
  device.onuncapturederror = (event) => {
    event.preventDefault();
    reported.push(event.error.message);
  };
  device.lost.then(({ reason, message }) => {
    if (reason !== "destroyed") lost = message;
  });
  openScopes(device);
  const read = backend.read.bind(backend);
  backend.read = async (dataId) => {
    // Reading submits what is pending: only then do the scopes hold all of it.
    const values = read(dataId).catch((cause: unknown) => ({ cause }));
    const caught = closeScopes(device);
    openScopes(device);
    const [result, errors] = await Promise.all([values, caught]);
    errors.push(...reported.splice(0));
    if (lost !== undefined) throw deviceError(`the device was lost: ${lost}`);
    if (errors.length > 0) throw deviceError(errors[0]!);
    if (isFailure(result)) throw deviceError(String((result.cause as Error).message), result.cause);
    return result;
  };
}

/** Where there is no canvas to read through, a synchronous read has no way. */
export function refuseSynchronousReads(backend: WebGpuBackend): void {
  const readSync = backend.readSync.bind(backend);
  backend.readSync = (dataId) => {
    const { values, dtype } = backend.tensorMap.get(dataId);
    if (values != null || dtype === "string") return readSync(dataId);
    throw new BackendError(
      "synchronous-read",
      "Outside a browser's page, WebGPU can't give a tensor's numbers at once: " +
        "write `await tensor.data()` instead of `tensor.dataSync()`.",
    );
  };
}

function openScopes(device: GpuDevice): void {
  for (const scope of scopes) device.pushErrorScope(scope);
}

async function closeScopes(device: GpuDevice): Promise<string[]> {
  const closed = await Promise.all(scopes.map(() => device.popErrorScope().catch(() => null)));
  return closed.flatMap((error) => (error ? [error.message] : []));
}

function isFailure(result: unknown): result is { readonly cause: unknown } {
  return typeof result === "object" && result !== null && "cause" in result;
}

function deviceError(why: string, cause?: unknown): BackendError {
  return new BackendError(
    "device-error",
    `A computation on webgpu failed since the last read, and its results are worthless: ${why.trim()}`,
    { cause },
  );
}
