/** TensorFlow's Python wheel: the one place where a current libtensorflow is published with its headers. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { BackendError } from "../errors.js";
import type { LibraryKind } from "./folder.js";
import { runTool, type ToolRun } from "./run-tool.js";

/** The release that this was tried with, and the Python that the wheel is for: it carries no Python code that we use. */
const tensorflowVersion = "2.21.0";
const pythonVersion = "311";

const distributions: Readonly<Record<LibraryKind, string>> = { cpu: "tensorflow_cpu", gpu: "tensorflow" };

const library = "tensorflow/libtensorflow_cc.so.2";

/** What a file is, as JSON. */
const wheelCheckScript = `
import json, sys, zipfile
path, library = sys.argv[1:3]
is_zip = zipfile.is_zipfile(path)
names, asks = [], ""
if is_zip:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        asks = "".join(archive.read(n).decode() for n in names if n.endswith(".dist-info/METADATA"))
cuda = any(l.startswith("Requires-Dist:") and "and-cuda" in l for l in asks.splitlines())
print(json.dumps({"isZip": is_zip, "hasLibrary": library in names, "asksForCuda": cuda}))
`;

/** Takes the libraries and headers out of a wheel, and on request lists what NVIDIA's libraries it asks for. */
const unpackScript = `
import sys, zipfile
wheel, target = sys.argv[1:3]
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        name = entry.filename.removeprefix("tensorflow/")
        library = name.startswith("libtensorflow") and ".so" in name
        if library or name.startswith("include/"):
            entry.filename = ("lib/" if library else "") + name
            archive.extract(entry, target)
`;

const requirementsScript = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    for line in archive.read(name).decode().splitlines():
        if line.startswith("Requires-Dist:") and "and-cuda" in line:
            print(line.split(":", 1)[1].split(";")[0].strip())
`;

const extractScript = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for name in archive.namelist():
        if name.startswith("nvidia/") and "/lib/" in name:
            archive.extract(name, sys.argv[2])
`;

/** Downloads the wheel of a kind; one that is in the folder already is not fetched again. Resolves to its path. */
export async function downloadWheel(kind: LibraryKind, folder: string, run: ToolRun): Promise<string> {
  const distribution = distributions[kind];
  await download([`${distribution}==${tensorflowVersion}`], folder, run);
  return findWheel(folder, `${distribution}-${tensorflowVersion}-`);
}

/**
 * Reads what a file is before anything is fetched for it.
 * @throws BackendError `failed-setup` where it is no wheel of TensorFlow for Linux, or for `gpu` one without CUDA
 */
export async function checkWheel(wheel: string, kind: LibraryKind, run: ToolRun): Promise<void> {
  if (!existsSync(wheel)) throw new BackendError("failed-setup", `There is no wheel ${wheel}.`);
  const answer = await python(["-c", wheelCheckScript, wheel, library], { ...run, onLine: undefined });
  const { isZip, hasLibrary, asksForCuda } = JSON.parse(answer);
  const get = `\`pip download --no-deps ${distributions[kind]}==${tensorflowVersion}\` on Linux gets one that fits`;
  const refuse = (why: string) => new BackendError("failed-setup", `${wheel} ${why}: ${get}.`);
  if (!isZip) throw refuse("is no wheel (a zip archive), or not all of one");
  if (!hasLibrary) throw refuse(`is no wheel of TensorFlow for Linux: it holds no ${library}`);
  if (kind === "gpu" && !asksForCuda)
    throw refuse("is a wheel for the processor alone: it asks for no libraries of CUDA");
}

/** Puts lib/ and include/ of a wheel into a folder. */
export async function unpackWheel(wheel: string, folder: string, run: ToolRun): Promise<void> {
  await python(["-c", unpackScript, wheel, folder], run);
}

/**
 * NVIDIA's libraries, as the wheel names them. They go to nvidia/ beside lib/, where libtensorflow's own run path looks
 * for them: no LD_LIBRARY_PATH is needed, which a process could not set for itself.
 */
export async function addNvidiaLibraries(
  wheel: string,
  downloads: string,
  folder: string,
  run: ToolRun,
): Promise<void> {
  const requirements = (await python(["-c", requirementsScript, wheel], { ...run, onLine: undefined }))
    .split("\n")
    .filter((line) => line !== "");
  await download(requirements, downloads, run);
  for (const name of await readdir(downloads)) {
    if (/^nvidia_.*\.whl$/.test(name))
      await python(["-c", extractScript, join(downloads, name), folder], run);
  }
}

async function download(requirements: readonly string[], folder: string, run: ToolRun): Promise<void> {
  const platform = process.arch === "arm64" ? "aarch64" : "x86_64";
  const platforms = Array.from({ length: 24 }, (_, i) => `manylinux_2_${28 - i}_${platform}`);
  const wanted = [...platforms, `manylinux2014_${platform}`].flatMap((name) => ["--platform", name]);
  const exactly = ["--no-deps", "--only-binary=:all:", "--python-version", pythonVersion, "--dest", folder];
  await python(["-m", "pip", "download", ...exactly, ...wanted, ...requirements], run);
}

async function findWheel(folder: string, prefix: string): Promise<string> {
  const name = (await readdir(folder)).find((file) => file.startsWith(prefix) && file.endsWith(".whl"));
  if (name) return join(folder, name);
  throw new BackendError("failed-setup", `pip ended well, but ${folder} holds no ${prefix}*.whl.`);
}

function python(words: readonly string[], run: ToolRun): Promise<string> {
  return runTool("python3", words, run, "Python 3 with pip is needed: https://www.python.org/downloads/");
}
