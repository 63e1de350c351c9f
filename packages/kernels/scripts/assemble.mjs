/** Compiles assembly/ to generated/binary.js: four builds of some 20 kB, in base64, so that a bundler need not know of .wasm files. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const folder = dirname(dirname(fileURLToPath(import.meta.url)));

/** The same source for a memory that threads share and for one that is its page's alone, with relaxed SIMD and without. */
async function compile(isShared, isRelaxed) {
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
    [
      "assembly/index.ts",
      "--baseDir",
      folder,
      "--outFile",
      "kernels.wasm",
      ...options,
      ...features,
      ...memory,
    ],
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
  `export const unsharedRelaxed = "${await compile(false, true)}";`,
];
mkdirSync(join(folder, "generated"), { recursive: true });
writeFileSync(join(folder, "generated/binary.js"), `${lines.join("\n")}\n`);
