/**
 * Holds tensors' names to their shapes: `x_BTV` has three letters, so three axes. Wherever such a name is declared
 * with a tensor type or made by a constructor that says the rank, letters and rank must agree.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./prepare.mjs";

/** `logits_BTV: Tensor3D`, `x_ND = tf.tensor2d(`, `mask_TS?: Tensor2D`. */
const declaration = /\b(\w+?)_([A-Z1]+)\b\??(?::\s*Tensor(\d)D|\s*=\s*tf\.tensor(\d)d\()/g;

function sourcesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

let checked = 0;
const wrong = [];
for (const name of readdirSync(join(root, "packages"))) {
  for (const path of sourcesBelow(join(root, "packages", name, "src"))) {
    const text = readFileSync(path, "utf8");
    for (const [found, , letters, typed, made] of text.matchAll(declaration)) {
      const rank = Number(typed ?? made);
      checked++;
      if (letters.length !== rank)
        wrong.push(`${path}: ${found.trim()} has ${letters.length} letters and rank ${rank}`);
    }
  }
}
console.log(`${checked} tensor names checked against their rank, ${wrong.length} wrong`);
for (const line of wrong) console.error(line);
process.exit(wrong.length > 0 ? 1 : 0);
