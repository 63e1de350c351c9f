/** Dawn without anything to run on: a list of Vulkan drivers that names none. */
import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { startBackend } from "../../src/index.js";

const isHere = (() => {
  try {
    return createRequire(import.meta.url).resolve("webgpu") !== "";
  } catch {
    return false;
  }
})();
const why = !isHere
  ? "skipped: the package webgpu is not here"
  : process.platform !== "linux"
    ? "skipped: only Linux lets a program hide the drivers"
    : "";

test.skipIf(why)(
  `no adapter: an error that says what to install, and the backend before it goes on (${why || "drivers hidden"})`,
  async () => {
    for (const name of ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"]) process.env[name] = "/no/driver.json";
    await startBackend("wasm");
    const x = tf.tensor1d([1, 2, 3]);
    await expect(startBackend("webgpu")).rejects.toMatchObject({
      code: "missing-backend",
      message: expect.stringMatching(/found no graphics card .* install its driver .*--backend wasm/),
    });
    expect(tf.getBackend()).toBe("wasm");
    const doubled = tf.tidy(() => tf.mul(x, 2));
    expect([...(await doubled.data())]).toEqual([2, 4, 6]);
    tf.dispose([x, doubled]);
    // Nothing of the failed start is in the way of the next one, which fails in the same words.
    await expect(startBackend("webgpu")).rejects.toMatchObject({ code: "missing-backend" });
    expect(tf.findBackendFactory("wasm")).not.toBeNull();
  },
);
