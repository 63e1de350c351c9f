/** Dawn, the WebGPU of Chromium, as the npm package `webgpu` brings it to Node. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { hasDevice } from "../devices.js";
import { BackendError } from "../errors.js";
import type { Gpu } from "./webgpu-device.js";

interface Dawn {
  create(options: readonly string[]): Gpu;
  readonly globals: object;
}

/** Kept: what stands behind a device goes when this is collected. */
let gpu: Gpu | undefined;

/** The path of the package, or undefined where it is not installed. */
export function findDawn(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("webgpu");
  } catch {
    return undefined;
  }
}

/** Whether there may be a card, by the system's devices: Vulkan complains on standard error where there is none. */
export function mayHaveGraphicsCard(): boolean {
  if (process.platform !== "linux") return true;
  return hasDevice("/dev", /^(nvidia\d+|dxg)$/) || hasDevice("/dev/dri", /^renderD/);
}

/** @throws BackendError `missing-backend` */
export async function openDawn(): Promise<Gpu> {
  if (gpu) return gpu;
  const path = findDawn();
  if (path === undefined) throw missingDawn();
  const { create, globals }: Dawn = await import(/* @vite-ignore */ pathToFileURL(path).href);
  Object.assign(globalThis, globals);
  // Left to itself Dawn asks OpenGL too, which lacks limits that are needed here.
  gpu = create(process.platform === "linux" ? ["backend=vulkan"] : []);
  return gpu;
}

function missingDawn(): BackendError {
  return new BackendError(
    "missing-backend",
    'The backend "webgpu" needs the package webgpu (Dawn), which is not here. `npm install webgpu` gets it.',
  );
}
