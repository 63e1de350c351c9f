/** What `doctor` says to people. */
import type { BackendName } from "@amulet-ts/backends";
import type { Colors } from "picocolors/types.js";
import { formatNumber } from "../../terminal/output.js";
import { layOutTable } from "../../terminal/table.js";
import type { Examination } from "./examine.js";
import type { Agreement, Measurement } from "./measure-backend.js";

/** The whole answer, as `--json` gives it. */
export interface Diagnosis {
  /** What runs without --backend; null where nothing would. */
  readonly default: BackendName | null;
  readonly node: string;
  readonly platform: string;
  readonly backends: readonly ExaminedBackend[];
  /** What to do next, a sentence each. */
  readonly advice: readonly string[];
}

export type ExaminedBackend = Examination & { readonly state: State };

/** `wrong`: it runs, and what it computes is not within what float32 explains. */
export type State = "runs" | "wrong" | "missing" | "fails";

export function stateOf(examination: Examination): State {
  if ("why" in examination) return examination.code === "missing-backend" ? "missing" : "fails";
  const { product, forward } = examination.measurement;
  return agrees(product) && agrees(forward) ? "runs" : "wrong";
}

/** NaN agrees with nothing. */
function agrees({ error, tolerance }: Agreement): boolean {
  return error <= tolerance;
}

export function formatDiagnosis(diagnosis: Diagnosis, colors: Colors): string[] {
  const { backends, advice, node, platform } = diagnosis;
  const measured = backends.filter((one) => "measurement" in one);
  const [heading, ...rows] = layOutTable(
    [columns, ...measured.map((one) => describe(one, diagnosis))],
    [3, 4, 5, 6],
  );
  const absent = backends.filter((one) => "why" in one);
  return [
    colors.dim(`Node ${node} on ${platform}`),
    "",
    colors.bold(heading!),
    ...rows,
    ...(absent.length > 0 ? [""] : []),
    ...absent.map(({ name, state, why }) => `${colors.yellow(name)} ${state}: ${why}`),
    "",
    ...advice,
  ];
}

const columns = [
  "BACKEND",
  "STATE",
  "DEVICE",
  "GFLOP/S",
  "GB/S",
  "MS/TOKEN",
  "ERROR",
  "MEMORY",
  "THREADS",
  "VERSION",
];

function describe(
  { name, state, measurement }: ExaminedBackend & { measurement: Measurement },
  diagnosis: Diagnosis,
) {
  const { device, gflops, gigabytesPerSecond, msPerToken, forward, memory, threads, version } = measurement;
  return [
    name === diagnosis.default ? `${name} *` : name,
    state,
    device,
    formatNumber(gflops),
    formatNumber(gigabytesPerSecond),
    formatNumber(msPerToken),
    `${formatNumber((100 * forward.error) / forward.tolerance)} %`,
    formatBytes(memory.limitBytes),
    threads === 0 ? "–" : String(threads),
    version,
  ];
}

function formatBytes(bytes: number): string {
  return Number.isFinite(bytes) ? `${formatNumber(bytes / 2 ** 30)} GiB` : "not told";
}

/** What to do next. */
export function advise(backends: readonly ExaminedBackend[], chosen: BackendName | null): string[] {
  const wrong = backends.filter(({ state }) => state === "wrong").map(({ name }) => name);
  const best = fastest(backends);
  return [
    chosen === null
      ? "Nothing here runs without --backend."
      : `* runs without --backend: ${chosen}. ERROR is the share used of what float32 rounding explains.`,
    ...wrong.map(
      (name) => `Do not use ${name}: its results are further from float64 than rounding explains.`,
    ),
    ...(best && best !== chosen ? [`${best} took the least time a token here: --backend ${best}.`] : []),
  ];
}

/** Of those that are right; undefined where there is nothing to choose from. */
function fastest(backends: readonly ExaminedBackend[]): BackendName | undefined {
  const running = backends.flatMap((one) =>
    one.state === "runs" && "measurement" in one ? [one.measurement] : [],
  );
  // One alone is no comparison.
  if (running.length < 2) return undefined;
  return running.toSorted((a, b) => a.msPerToken - b.msPerToken)[0]!.name;
}
