/** Reading numbers from the device. */
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

type Values = Float32Array | Int32Array | Uint8Array;

/** Reads tensors and disposes them, also where a read rejects, as it does on a device that is lost. */
export async function takeValues<Names extends readonly Tensor[]>(
  ...tensors: Names
): Promise<{ [K in keyof Names]: Values }> {
  try {
    return (await Promise.all(tensors.map((tensor) => tensor.data()))) as { [K in keyof Names]: Values };
  } finally {
    tf.dispose([...tensors]);
  }
}
