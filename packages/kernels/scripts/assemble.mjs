/** Compiles assembly/ to generated/binary.js, in base64, so that a bundler need not know of .wasm files: four builds of some 20 kB, and two of policies/. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const folder = dirname(dirname(fileURLToPath(import.meta.url)));

/** The same source for a memory that threads share and for one that is its page's alone, with relaxed SIMD and without. */
async function compile(isShared, isRelaxed, entry = "assembly/index.ts") {
  const options = ["-O3", "--noAssert", "--runtime", "stub", "--use", "abort=", "--importMemory"];
  const features = ["simd", "threads", "bulk-memory", ...(isRelaxed ? ["relaxed-simd"] : [])].flatMap(
    (feature) => ["--enable", feature],
  );
  const memory = [
    "--initialMemory",
    "1",
    "--maximumMemory",
    "65536",
    ...(isShared ? ["--sharedMemory"] : []),
  ];
  let binary;
  const { error, stderr } = await asc.main(
    [entry, "--baseDir", folder, "--outFile", "kernels.wasm", ...options, ...features, ...memory],
    {
      writeFile: (_, contents) => {
        binary = contents;
      },
    },
  );
  if (error) throw new Error(`assembly/ does not compile:\n${stderr.toString()}`);
  return Buffer.from(binary).toString("base64");
}

const lines = [
  `export const shared = "${await compile(true, false)}";`,
  `export const sharedRelaxed = "${await compile(true, true)}";`,
  `export const unshared = "${await compile(false, false)}";`,
  // For the memory of TensorFlow.js, which is not shared.
  `export const policies = "${await compile(false, false, "assembly/policies/index.ts")}";`,
  `export const policiesRelaxed = "${await compile(false, true, "assembly/policies/index.ts")}";`,
  `export const unsharedRelaxed = "${await compile(false, true)}";`,
];
mkdirSync(join(folder, "generated"), { recursive: true });
writeFileSync(join(folder, "generated/binary.js"), `${lines.join("\n")}\n`);
