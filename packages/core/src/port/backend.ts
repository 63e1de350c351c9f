import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";

/** Sees that something computes, before anything is made. @throws CoreError `no-backend` */
export function checkBackend(): void {
  try {
    tf.backend();
  } catch (cause) {
    throw new CoreError(
      "no-backend",
      "No backend of TensorFlow.js is running, and nothing can be computed: start one first, such as by " +
        '`await startBackend("wasm")` of @amulet-ts/backends.',
      { cause },
    );
  }
}
