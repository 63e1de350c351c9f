/** Which of a checkpoint's tensors become which of a family's parameters; nothing is read for it. */

import type { TensorSource, TensorStore } from "@amulet-ts/files";
import type { AxisSizes, ParameterSpec, TensorSpec } from "../family.js";
import { TensorProblems } from "./tensor-problems.js";

/** A parameter of one block or of the model, with the tensors of the checkpoint that it is made of. */
export interface PlannedParameter {
  readonly path: string;
  readonly spec: ParameterSpec;
  readonly sources: readonly TensorSource[];
  readonly format: Format;
}

export type Format = "huggingface" | "gguf";

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
    if (sources.every((source) => source !== undefined))
      planned.push({ path: spec.path, spec, sources, format });
  }
  for (const [name, source] of store.tensors) {
    if (!used.has(source) && !expendable.test(name)) problems.unexpected.add(name);
  }
  problems.throwIfAny(path);
  return planned;
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
  { shape, [format]: name }: TensorSpec,
  sizes: AxisSizes,
  { optional, transpose }: ParameterSpec,
  problems: TensorProblems,
): TensorSource | undefined {
  const source = name === undefined ? undefined : store.tensors.get(name);
  if (!source) {
    if (!optional) problems.missing.add(name ?? shape);
    return undefined;
  }
  const axes = transpose === "gguf" && format === "gguf" ? [...shape].reverse() : [...shape];
  const expected = axes.map((letter) => sizes[letter]!);
  if (expected.join() === source.shape.join()) return source;
  problems.misshapen.add(`${source.name} is [${source.shape.join(", ")}], expected [${expected.join(", ")}]`);
  return source;
}

/** Whether the checkpoint has a matrix as `[out, in]`. */
export function isTransposed({ spec, format }: PlannedParameter): boolean {
  return spec.transpose === true || spec.transpose === format;
}

/** Number of elements of a planned parameter. */
export function countElements({ sources }: PlannedParameter): number {
  return sources.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

/** Number of elements of the checkpoint's tensors; one that serves twice, a tied embedding, counts once. */
export function countParameters(planned: readonly PlannedParameter[]): number {
  const sources = new Set(planned.flatMap((parameter) => parameter.sources));
  return [...sources].reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
