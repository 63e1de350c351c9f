/** Where products may be in f16: on a device with WebGPU's feature shader-f16. */
import { startBackend } from "@amulet-ts/backends";

export interface Halves {
  /** Why it cannot be had, or an empty text; and the same for what takes long. */
  readonly why: string;
  readonly slow: string;
  /** Whether a processor plays the card: a program takes it one to four seconds. */
  readonly isSoftware: boolean;
  /** CI tries two of them there. */
  readonly isHasty: boolean;
}

/**
 * Starts webgpu with products in f16, on the driver that AMULET_F16_DRIVER names where it does: SwiftShader, on which the other
 * suites run without a card, has no f16. Before Dawn is loaded, in a process of its own.
 */
export async function startInHalves(): Promise<Halves> {
  const { AMULET_F16_DRIVER: driver } = process.env;
  if (driver) process.env.VK_ICD_FILENAMES = driver;
  const { why, isSoftware } = await startBackend("webgpu", { precision: "f16" }).then(
    ({ isSoftware = false }) => ({ why: "", isSoftware }),
    ({ message }: Error) => ({ why: message, isSoftware: false }),
  );
  const isHasty = isSoftware && process.env.CI !== undefined;
  const slow = why || (isHasty ? "a processor that plays the card compiles each program for seconds" : "");
  return { why, slow, isSoftware, isHasty };
}
