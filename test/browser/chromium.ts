/** Chromium where it is installed, and how to start it. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** Undefined, with a sentence, where there is none. */
export const chromiumPath = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)))
  .find((path) => existsSync(path));
if (!chromiumPath)
  console.warn("Skipped: the tests in a page need Chromium (Debian: apt-get install chromium).");

/** WebGPU without a graphics card, and without the sandbox that root may not have. */
export const chromiumFlags = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
];
