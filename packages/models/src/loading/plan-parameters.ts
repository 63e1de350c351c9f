/** Which of a checkpoint's tensors become which of a family's parameters; nothing is read for it. */

import type { TensorSource, TensorStore } from "@amulet-ts/files";
import type { AxisSizes, ParameterSpec, TensorSpec } from "../family.js";
import type { WeightUses } from "../weights/tensor-weight.js";
import { TensorProblems } from "./tensor-problems.js";

/** A parameter of one block or of the model, with the tensors of the checkpoint that it is made of. */
export interface PlannedParameter {
  /** Where it goes: a tied embedding to two places. */
  readonly paths: readonly string[];
  readonly form: "vector" | "numbers" | "weight";
  /** A weight's. */
  readonly uses: WeightUses;
  /** Side by side, in this order. */
  readonly parts: readonly PlannedPart[];
}

/** One tensor of the checkpoint, and what is peculiar to it; of its format no more need be known. */
export interface PlannedPart {
  readonly source: TensorSource;
  /** `[in, out]`, where checkpoints usually have `[out, in]`. */
  readonly inputsFirst: boolean;
  /** The rows of each of these many heads are interleaved. */
  readonly interleavedHeads?: number;
  /** To be added to every number of a vector. */
  readonly offset: number;
}

type Format = "huggingface" | "gguf";

/** Tensors that checkpoints carry and nobody needs: tables that are computed, masks, a head that is tied. */
const expendable = /rotary_emb\.inv_freq$|\.attn\.(masked_)?bias$|^(lm_head|output)\.weight$/;

/**
 * Matches table and checkpoint before anything is read.
 *
 * @throws ModelError `missing-tensor` or `bad-tensor-shape`, counting missing, misshapen and unexpected tensors,
 *   the first of each kind by name
 */
export function planParameters(
  store: TensorStore,
  format: Format,
  path: string,
  specs: readonly ParameterSpec[],
  sizes: AxisSizes,
  blockCount: number,
): PlannedParameter[] {
  const problems = new TensorProblems();
  const used = new Set<TensorSource>();
  const planned: PlannedParameter[] = [];
  for (const spec of expandBlocks(specs, blockCount)) {
    const sources = spec.parts.map((part) => findTensor(store, format, part, sizes, spec, problems));
    for (const source of sources) if (source) used.add(source);
    if (sources.every((source) => source !== undefined)) planned.push(planParameter(spec, sources, format));
  }
  for (const [name, source] of store.tensors) {
    if (!used.has(source) && !expendable.test(name)) problems.unexpected.add(name);
  }
  problems.throwIfAny(path);
  return joinTied(planned);
}

function planParameter(
  { path, form, parts }: ParameterSpec,
  sources: readonly TensorSource[],
  format: Format,
): PlannedParameter {
  const [multiplied, lookedUp] = [form === "linear", form === "embedding"];
  return {
    paths: [path],
    form: form === "linear" || form === "embedding" ? "weight" : form,
    uses: { multiplied, lookedUp },
    parts: parts.map((part, i) => planPart(part, sources[i]!, format)),
  };
}

function planPart(
  { inputsFirst = false, interleavedHeads, offset = 0 }: TensorSpec,
  source: TensorSource,
  format: Format,
): PlannedPart {
  if (format === "huggingface") return { source, inputsFirst, offset };
  return { source, inputsFirst: false, offset: 0, ...(interleavedHeads && { interleavedHeads }) };
}

/** A tensor that is both looked up and multiplied with, a tied embedding, is one weight. */
function joinTied(planned: readonly PlannedParameter[]): PlannedParameter[] {
  const joined = new Map<TensorSource | PlannedParameter, PlannedParameter>();
  for (const parameter of planned) {
    const alone = parameter.form === "weight" && parameter.parts.length === 1;
    const key = alone ? parameter.parts[0]!.source : parameter;
    const twin = joined.get(key);
    joined.set(key, twin ? joinUses(twin, parameter) : parameter);
  }
  return [...joined.values()];
}

function joinUses(one: PlannedParameter, other: PlannedParameter): PlannedParameter {
  return {
    ...one,
    paths: [...one.paths, ...other.paths],
    uses: {
      multiplied: one.uses.multiplied || other.uses.multiplied,
      lookedUp: one.uses.lookedUp || other.uses.lookedUp,
    },
  };
}

/** One by one: a file that announces many blocks and has few tensors costs no memory. */
export function* expandBlocks(specs: readonly ParameterSpec[], blockCount: number): Iterable<ParameterSpec> {
  const inBlocks = specs.filter(({ path }) => path.includes("*"));
  yield* specs.filter(({ path }) => !path.includes("*"));
  for (let block = 0; block < blockCount; block++) {
    for (const spec of inBlocks) yield numberBlock(spec, block);
  }
}

function numberBlock(spec: ParameterSpec, block: number): ParameterSpec {
  const numbered = (name: string) => name.replace("*", String(block));
  const parts = spec.parts.map((part) => ({
    ...part,
    ...(part.huggingface && { huggingface: numbered(part.huggingface) }),
    ...(part.gguf && { gguf: numbered(part.gguf) }),
  }));
  return { ...spec, path: numbered(spec.path), parts };
}

function findTensor(
  store: TensorStore,
  format: Format,
  { shape, inputsFirst, [format]: name }: TensorSpec,
  sizes: AxisSizes,
  { optional }: ParameterSpec,
  problems: TensorProblems,
): TensorSource | undefined {
  const source = name === undefined ? undefined : store.tensors.get(name);
  if (!source) {
    if (!optional) problems.missing.add(name ?? shape);
    return undefined;
  }
  const axes = inputsFirst && format === "gguf" ? [...shape].reverse() : [...shape];
  const expected = axes.map((letter) => sizes[letter]!);
  if (expected.join() === source.shape.join()) return source;
  problems.misshapen.add(`${source.name} is [${source.shape.join(", ")}], expected [${expected.join(", ")}]`);
  return source;
}

/** Number of elements of a parameter, or of a piece of one. */
export function countElements({ parts }: Pick<PlannedParameter, "parts">): number {
  return parts.reduce((sum, { source }) => sum + sizeOf(source), 0);
}

/** Number of elements of the checkpoint's tensors; one that serves twice counts once. */
export function countParameters(planned: readonly PlannedParameter[]): number {
  const sources = new Set(planned.flatMap(({ parts }) => parts.map(({ source }) => source)));
  return [...sources].reduce((sum, source) => sum + sizeOf(source), 0);
}

function sizeOf({ shape }: TensorSource): number {
  return shape.reduce((product, size) => product * size, 1);
}
