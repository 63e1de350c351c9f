/** Where llama.cpp's libraries are: the npm packages that node-llama-cpp is published with, one for each platform and card. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { EngineError } from "../../errors.js";
import type { GpuKind } from "../../options.js";
import { findPackage } from "./koffi.js";

/** The release of the packages, the same for all platforms, and what its library says it is. */
export const packageVersion = "3.21.1";
export const libraryVersion = "0.4.0-dev";

export type CardKind = Exclude<GpuKind, "auto">;

/** The names of the packages, without their scope. */
const packagesOf: Readonly<Record<string, Partial<Record<CardKind, string>>>> = {
  "linux-x64": { cuda: "linux-x64-cuda", vulkan: "linux-x64-vulkan", off: "linux-x64" },
  "linux-arm64": { off: "linux-arm64" },
  "linux-arm": { off: "linux-armv7l" },
  "linux-riscv64": { off: "linux-riscv64" },
  "darwin-arm64": { metal: "mac-arm64-metal" },
  "darwin-x64": { off: "mac-x64" },
  "win32-x64": { cuda: "win-x64-cuda", vulkan: "win-x64-vulkan", off: "win-x64" },
  "win32-arm64": { off: "win-arm64" },
};

export interface Binaries {
  readonly kind: CardKind;
  /** The folder with the libraries, and one with more of them where a package comes in two. */
  readonly folders: readonly string[];
}

/**
 * The libraries for the card that was asked for; for `auto` those of a card where they are installed. Where none are for
 * the processor alone, `off` takes what is there: the caller leaves the card out.
 *
 * @throws EngineError `missing-engine`, with the command that gets them
 */
export async function findBinaries(gpu: GpuKind, platform = platformName()): Promise<Binaries> {
  const packages = packagesOf[platform];
  if (!packages) {
    throw new EngineError(
      "missing-engine",
      `There is no build of llama.cpp for ${platform}: take the engine tfjs.`,
    );
  }
  for (const kind of wanted(gpu)) {
    const name = packages[kind];
    const path = name && findPackage(`@node-llama-cpp/${name}`);
    if (path) return { kind, folders: await foldersOf(name, path) };
  }
  throw new EngineError("missing-engine", describeMissing(gpu, platform, packages));
}

/** Best first. */
function wanted(gpu: GpuKind): readonly CardKind[] {
  if (gpu === "auto") return ["cuda", "metal", "vulkan", "off"];
  return gpu === "off" ? ["off", "metal", "vulkan", "cuda"] : [gpu];
}

/** The command that installs llama.cpp for this platform. */
export function installCommand(gpu: GpuKind = "off", platform = platformName()): string {
  const { [gpu === "auto" ? "off" : gpu]: named, off, metal } = packagesOf[platform] ?? {};
  const name = named ?? off ?? metal;
  const extra = name?.endsWith("-cuda") ? ` @node-llama-cpp/${name}-ext@${packageVersion}` : "";
  return `npm install koffi @node-llama-cpp/${name}@${packageVersion}${extra}`;
}

function describeMissing(
  gpu: GpuKind,
  platform: string,
  packages: Partial<Record<CardKind, string>>,
): string {
  if (gpu !== "auto" && gpu !== "off" && !packages[gpu]) {
    const kinds = Object.keys(packages).join(", ");
    return `llama.cpp is not built with ${gpu} for ${platform}; there are builds for: ${kinds}.`;
  }
  return `The engine llama.cpp needs two packages that are not here: \`${installCommand(gpu, platform)}\` gets them.`;
}

async function foldersOf(name: string, path: string): Promise<string[]> {
  const extra = findPackage(`@node-llama-cpp/${name}-ext`);
  const folders: string[] = [];
  for (const entry of [path, extra]) {
    if (entry === undefined) continue;
    const { binsDir, packageVersion: found } = (
      await import(/* @vite-ignore */ pathToFileURL(entry).href)
    ).getBinsDir();
    if (found !== packageVersion) throw wrongVersion(name, found);
    folders.push(join(binsDir, readdirSync(binsDir)[0]!));
  }
  return folders;
}

function wrongVersion(name: string, found: string): EngineError {
  return new EngineError(
    "missing-engine",
    `@node-llama-cpp/${name} is here in version ${found}, and what is passed to it has the layout of ${packageVersion}: ` +
      `\`npm install @node-llama-cpp/${name}@${packageVersion}\` gets that.`,
  );
}

/** A library by its plain name, whatever the platform puts round it: `libllama.v0.4.0.so`, `llama.dll`. */
export function findLibrary(folder: string, name: string): string {
  const pattern = new RegExp(`^(lib)?${name}(\\.v?[\\d.]+)?\\.(so|dylib|dll)$`);
  const found = readdirSync(folder).find((file) => pattern.test(file));
  if (found !== undefined) return join(folder, found);
  throw new EngineError(
    "missing-engine",
    `${folder} holds no library ${name}: install @node-llama-cpp anew.`,
  );
}

function platformName(): string {
  return `${process.platform}-${process.arch}`;
}
