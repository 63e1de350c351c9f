/** llama.cpp in this process: its libraries, loaded once and checked before anything is asked of them. */
import { EngineError } from "../../errors.js";
import type { GpuKind } from "../../options.js";
import { type Binaries, findBinaries, findLibrary, installCommand, libraryVersion } from "./find-binaries.js";
import { bindFunctions, type LlamaFunctions, later, listDevices, type PoolFunctions } from "./functions.js";
import { findPackage, type Koffi, loadKoffi, type Pointer } from "./koffi.js";
import { contextDefaults, findDifference, modelDefaults } from "./layouts.js";
import { Turns } from "./turns.js";

/** A processor or a card, as ggml names it. */
export interface Device {
  readonly name: string;
  readonly description: string;
  readonly isCard: boolean;
}

export interface Llama {
  readonly koffi: Koffi;
  readonly native: LlamaFunctions;
  readonly version: string;
  readonly kind: Binaries["kind"];
  readonly devices: readonly Device[];
  /** What computes does so one after the other: threads that wait for each other's cores stand still. */
  readonly turns: Turns;
  /** Absent where ggml has no threads of its own. */
  readonly pools: PoolFunctions | undefined;
  /** Addresses of functions of the library that llama.cpp calls where no JavaScript could run in time. */
  readonly callbacks: { readonly isEmpty: Pointer };
  /** Sends llama.cpp's log to standard error, or nowhere. */
  showLog(isShown: boolean): void;
  /** Runs work with what llama.cpp complains of meanwhile. */
  withComplaints<T>(work: () => Promise<T>): Promise<{ result: T; complaints: readonly string[] }>;
}

let opening: { readonly kind: GpuKind; readonly llama: Promise<Llama> } | undefined;

/**
 * The library, loaded when it is first asked for. A process has one: a card that is asked for later must be that one's.
 *
 * @throws EngineError `missing-engine`
 */
export async function openLlama(gpu: GpuKind, debug: boolean): Promise<Llama> {
  if (!opening) {
    const llama = load(gpu, debug);
    opening = { kind: gpu, llama };
    llama.catch(() => {
      opening = undefined;
    });
  }
  const llama = await opening.llama;
  if (gpu !== "auto" && gpu !== "off" && gpu !== llama.kind) {
    throw new EngineError(
      "missing-engine",
      `llama.cpp runs in this process already, built for ${llama.kind}; ${gpu} takes another process.`,
    );
  }
  llama.showLog(debug);
  return llama;
}

async function load(gpu: GpuKind, debug: boolean): Promise<Llama> {
  const koffi = await loadKoffi();
  if (!koffi) throw new EngineError("missing-engine", describeMissingKoffi(installCommand(gpu)));
  const { kind, folders } = await findBinaries(gpu);
  const [folder] = folders as [string];
  const base = koffi.load(findLibrary(folder, "ggml-base"));
  const ggml = koffi.load(findLibrary(folder, "ggml"));
  const library = koffi.load(findLibrary(folder, "llama"));
  const { native, findPools } = bindFunctions(koffi, { base, ggml, llama: library });
  checkLayouts(native);
  // A constant function, which llama.cpp may call from any thread.
  const silence = library.symbol("llama_max_devices");
  const showLog = (isShown: boolean) => native.llama_log_set(isShown ? null : silence, null);
  showLog(debug);
  for (const place of folders) await later(native.ggml_backend_load_all_from_path, place);
  native.llama_backend_init();
  const isEmpty = base.symbol("ggml_is_empty");
  const llama: Llama = {
    koffi,
    native,
    version: native.llama_version(),
    kind,
    devices: listDevices(native).map((device) => describeDevice(native, device)),
    pools: findPools(),
    turns: new Turns(),
    callbacks: { isEmpty },
    showLog,
    withComplaints: (work) => withComplaints(koffi, native, () => showLog(debug), work),
  };
  return llama;
}

/**
 * There is no second way: node-llama-cpp's own functions take 88 ms (49,000 tokens) to 310 ms (152,000) to tell of a row,
 * where a step of its pair takes 14 to 44.
 */
export function describeMissingKoffi(
  command: string,
  isInstalled = findPackage("koffi") !== undefined,
): string {
  if (!isInstalled)
    return `The engine llama.cpp needs the package koffi, which is not here: \`${command}\` gets it.`;
  return (
    `The engine llama.cpp needs the package koffi, which is here without a binary that runs on ${process.platform}-${process.arch}: ` +
    "`npm rebuild koffi` builds one, with a C++ compiler. The engine tfjs, and a llama-server (--engine http://HOST:PORT/v1), do without it."
  );
}

/** @throws EngineError `missing-engine` for a library whose layouts may be others */
function checkLayouts(native: LlamaFunctions): void {
  const version = native.llama_version();
  const differences = [
    version === libraryVersion ? undefined : `its version is ${version}, and ${libraryVersion} was expected`,
    findDifference(native.llama_model_default_params(), modelDefaults),
    findDifference(native.llama_context_default_params(), contextDefaults),
  ];
  const difference = differences.find((one) => one !== undefined);
  if (difference === undefined) return;
  throw new EngineError(
    "missing-engine",
    `This llama.cpp is laid out otherwise than what is passed to it (${difference}): ` +
      `\`${installCommand()}\` gets the one that fits.`,
  );
}

function describeDevice(native: LlamaFunctions, device: Pointer): Device {
  const type = native.ggml_backend_dev_type(device);
  return {
    name: native.ggml_backend_dev_name(device),
    description: native.ggml_backend_dev_description(device),
    // 1 is a card with memory of its own, 2 one in the processor.
    isCard: type === 1 || type === 2,
  };
}

const warning = 3;
const error = 4;

async function withComplaints<T>(
  koffi: Koffi,
  native: LlamaFunctions,
  restoreLog: () => void,
  work: () => Promise<T>,
): Promise<{ result: T; complaints: string[] }> {
  const complaints: string[] = [];
  const hear = (level: number, text: string) => {
    if (level === warning || level === error) complaints.push(text.trim());
  };
  const type = koffi.pointer(koffi.proto("void", ["int32", "str", "void *"]));
  const callback = koffi.register(hear, type);
  native.llama_log_set(callback, null);
  try {
    return { result: await work(), complaints };
  } finally {
    restoreLog();
    koffi.unregister(callback);
  }
}
