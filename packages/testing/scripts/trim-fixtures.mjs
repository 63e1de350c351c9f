/**
 * How `fixtures/` was made of the originals: `node scripts/trim-fixtures.mjs FOLDER`. Weights, tokenizers and GGUF files
 * are copied as they are; JSON that holds float32 numbers in seventeen digits is written in as few as give the same
 * float32 back. Probabilities below 1e-12, which 288 of could not be seen in a distance of 1e-9, are 0.
 */
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const [from] = process.argv.slice(2);
const to = fileURLToPath(new URL("../fixtures/", import.meta.url));
for (const folder of ["checkpoints", "formats"]) {
  cpSync(join(from, folder), join(to, folder), { recursive: true });
  for (const name of readdirSync(join(to, folder), { recursive: true })) trim(join(to, folder, name));
}

function trim(path) {
  if (statSync(path).isDirectory() || !/(^|[./])(expected|amulet)\.json$/.test(path)) return;
  writeFileSync(path, `${JSON.stringify(JSON.parse(readFileSync(path, "utf8"), shorten))}\n`);
}

/** The shortest decimal that is the same float32; a number that is no float32 stays. */
function shorten(key, value) {
  if (key === "policy") return value.map((row) => row.map((p) => (p < 1e-12 ? 0 : p)));
  if (typeof value !== "number" || Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}
