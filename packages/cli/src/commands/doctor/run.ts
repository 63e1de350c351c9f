/** `amulet doctor`: the backends of this machine, measured and checked; and libtensorflow, set up. */
import {
  type BackendName,
  backendNames,
  type LibraryKind,
  setUpLibtensorflow,
  undoLibtensorflow,
} from "@amulet-ts/backends";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { colorsFor } from "../../terminal/colors.js";
import { writeAside, writeDim, writeJson, writeRows } from "../../terminal/output.js";
import { Progress } from "../../terminal/progress.js";
import type { DoctorValues } from "./command.js";
import { examineEngine, formatExamination } from "./engine.js";
import {
  candidatesApart,
  type Examination,
  type Examine,
  examineApart,
  type FindCandidates,
} from "./examine.js";
import { advise, type Diagnosis, formatDiagnosis, stateOf } from "./report.js";
import { makeSpecimen } from "./specimen.js";

export async function run({ values, io }: Invocation<DoctorValues>): Promise<void> {
  checkOptions(values);
  if (values.undo) return undo(values, io);
  if (values["setup-libtensorflow"]) return setUp(values, io);
  if (values.engine !== undefined) {
    const examined = await examineEngine(values, io);
    return values.json ? writeJson(io, examined) : writeRows(io, formatExamination(examined));
  }
  const names = values.backend ? [values.backend] : backendNames;
  const diagnosis = await diagnose(names, io);
  if (values.json) return writeJson(io, diagnosis);
  writeRows(io, formatDiagnosis(diagnosis, colorsFor(io.stdout, io.environment)));
}

function checkOptions(values: DoctorValues): void {
  const ofEngine = (["model", "threads", "gpu-layers", "candidates", "tokenizer"] as const).find(
    (name) => values[name] !== undefined,
  );
  if (ofEngine && values.engine === undefined)
    throw usageError(`--${ofEngine} belongs to --engine: name the engine that is to be examined.`);
  const alone = (["gpu", "wheel", "undo"] as const).find((name) => values[name] !== undefined);
  if (alone && !values["setup-libtensorflow"]) {
    throw usageError(`--${alone} belongs to --setup-libtensorflow.`);
  }
  if (values.undo && values.wheel)
    throw usageError("--undo takes away what was set up: it needs no --wheel.");
}

/**
 * @param examine how a backend is examined; the default does it in a process of its own
 * @param findCandidates how those are found that may run without --backend; by default in a process too
 */
export async function diagnose(
  names: readonly BackendName[],
  io: Io,
  examine: Examine = examineApart,
  findCandidates: FindCandidates = candidatesApart,
): Promise<Diagnosis> {
  const progress = new Progress(io, "Measuring");
  progress.update(0, names.length, ["a model to measure with"]);
  const specimen = await makeSpecimen();
  const examined: Examination[] = [];
  try {
    for (const [i, name] of names.entries()) {
      progress.update(i, names.length, [name]);
      examined.push(await examine(name, specimen.folder, io.signal));
      io.signal.throwIfAborted();
    }
  } finally {
    progress.clear();
    await specimen.remove();
  }
  const backends = examined.map((one) => ({ ...one, state: stateOf(one) }));
  const candidates = await findCandidates(io.signal);
  const starts = (name: BackendName) => {
    const state = backends.find((one) => one.name === name)?.state;
    return state !== "fails" && state !== "missing";
  };
  const chosen = candidates.names.find(starts) ?? null;
  const told = new Set(backends.map((one) => ("why" in one ? one.why : "")));
  const unheard = candidates.passedOver.filter((why) => !told.has(why));
  const { version: node, platform } = process;
  return {
    default: chosen,
    node,
    platform,
    backends,
    advice: [...advise(backends, chosen), ...unheard],
  };
}

async function setUp({ gpu, wheel, json }: DoctorValues, io: Io): Promise<void> {
  const result = await setUpLibtensorflow({
    kind: kindOf(gpu),
    wheel,
    signal: io.signal,
    onStep: ({ number, count, title }) => writeAside(io, `${number}/${count} ${title}`),
    onLine: (line) => io.stderr.isTTY && writeDim(io, `    ${line}`),
  });
  if (json) return writeJson(io, result);
  const card =
    gpu && !result.usesGpu ? " It sees no NVIDIA card here: --backend node-gpu will not start." : "";
  writeRows(io, [
    `libtensorflow ${result.version} is in ${result.folder}: --backend ${gpu ? "node-gpu" : "node"} takes it.${card}`,
  ]);
}

async function undo({ gpu, json }: DoctorValues, io: Io): Promise<void> {
  const removed = await undoLibtensorflow(kindOf(gpu));
  if (json) return writeJson(io, { removed });
  writeRows(io, [removed ? "Taken away." : "There was nothing to take away."]);
}

function kindOf(gpu: boolean | undefined): LibraryKind {
  return gpu ? "gpu" : "cpu";
}
