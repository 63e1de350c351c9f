/** Where products may be in f16: on a device with WebGPU's feature shader-f16. */
import { startBackend } from "@amulet-ts/backends";

/**
 * Starts webgpu with products in f16, on the driver that AMULET_F16_DRIVER names where it does: SwiftShader, on which the other
 * suites run without a card, has no f16. Before Dawn is loaded, in a process of its own.
 *
 * @returns why it cannot be had, or an empty text; and whether a processor plays the card
 */
export async function startInHalves(): Promise<{ readonly why: string; readonly isSoftware: boolean }> {
  const { AMULET_F16_DRIVER: driver } = process.env;
  if (driver) process.env.VK_ICD_FILENAMES = driver;
  return startBackend("webgpu", { precision: "f16" }).then(
    ({ isSoftware = false }) => ({ why: "", isSoftware }),
    ({ message }: Error) => ({ why: message, isSoftware: false }),
  );
}
