/** From a checkpoint's tensors to a family's parameters, by the family's table. */

import type { TensorSource, TensorStore } from "@amulet-ts/files";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.js";
import type { AxisSizes, ParameterSpec, ParameterTree, TensorSpec } from "../family.js";

/** A parameter as it is loaded: a tensor, slices of one, or its numbers. */
type Parameter = Tensor | readonly Tensor[] | Float32Array;

/** A parameter of one block or of the model, with the tensors of the checkpoint that it is made of. */
export interface PlannedParameter {
  readonly path: string;
  readonly spec: ParameterSpec;
  readonly sources: readonly TensorSource[];
  readonly format: Format;
}

export interface LoadProgress {
  /** Parameters' elements loaded so far, and in all. */
  readonly done: number;
  readonly total: number;
}

export interface LoadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

type Format = "huggingface" | "gguf";

/** Tensors that checkpoints carry and nobody needs: tables that are computed, masks, a head that is tied. */
const expendable = /rotary_emb\.inv_freq$|\.attn\.(masked_)?bias$|^(lm_head|output)\.weight$/;

/** As many names as an error lists of each kind before it only counts. */
const mostNamed = 12;

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
  const problems = new Problems();
  const used = new Set<string>();
  const planned: PlannedParameter[] = [];
  for (const spec of expandBlocks(specs, blockCount)) {
    const sources = spec.parts.map((part) => findTensor(store, format, part, sizes, spec, problems));
    for (const source of sources) if (source) used.add(source.name);
    if (sources.every((source) => source !== undefined))
      planned.push({ path: spec.path, spec, sources, format });
  }
  for (const name of store.tensors.keys()) {
    if (!used.has(name) && !expendable.test(name)) problems.unexpected.push(name);
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
  problems: Problems,
): TensorSource | undefined {
  const source = name === undefined ? undefined : store.tensors.get(name);
  if (!source) {
    if (!optional) problems.missing.push(name ?? shape);
    return undefined;
  }
  const axes = transpose === "gguf" && format === "gguf" ? [...shape].reverse() : [...shape];
  const expected = axes.map((letter) => sizes[letter]!);
  if (expected.join() === source.shape.join()) return source;
  problems.misshapen.push(
    `${source.name} is [${source.shape.join(", ")}], expected [${expected.join(", ")}]`,
  );
  return source;
}

/** How many there are, and the first few by name. */
class Tally {
  count = 0;
  private readonly first: string[] = [];

  constructor(private readonly kind: string) {}

  push(name: string): void {
    this.count++;
    if (this.first.length < mostNamed) this.first.push(name);
  }

  describe(): string {
    if (this.count === 0) return "";
    return `${this.count} ${this.kind} (${this.first.join(", ")}${this.count > mostNamed ? ", …" : ""})`;
  }
}

class Problems {
  readonly missing = new Tally("missing");
  readonly misshapen = new Tally("misshapen");
  readonly unexpected = new Tally("unexpected");

  throwIfAny(path: string): void {
    const { missing, misshapen, unexpected } = this;
    if (missing.count + misshapen.count + unexpected.count === 0) return;
    const sentences = [missing, misshapen, unexpected]
      .map((tally) => tally.describe())
      .filter((sentence) => sentence !== "");
    const code = missing.count > 0 || misshapen.count === 0 ? "missing-tensor" : "bad-tensor-shape";
    throw new ModelError(
      code,
      `${path}: its tensors are not those that its config announces: ${sentences.join("; ")}. ` +
        "The file may be damaged, or made for another architecture than it names.",
    );
  }
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

/** What is at a planned path. */
export function parameterAt(tree: ParameterTree, path: string): Parameter {
  const [, block, name] = /^blocks\.(\d+)\.(.+)$/.exec(path) ?? [];
  const holder = (block === undefined ? tree : tree.blocks[Number(block)]!) as Record<string, Parameter>;
  return holder[name ?? path]!;
}

/**
 * In how many slices along the vocabulary a parameter is loaded where a tensor may have so many bytes. 1 for those that
 * can't be cut, and where not even one token fits.
 */
export function countSlices({ spec, sources }: PlannedParameter, tensorLimitBytes: number): number {
  const [V, D = 1] = sources[0]!.shape as readonly [number, number?];
  const tokens = Math.floor(tensorLimitBytes / (4 * D));
  return spec.inSlices && tokens > 0 ? Math.max(1, Math.ceil(V / tokens)) : 1;
}

/**
 * Reads the parameters one by one: no more than one of them, and a few rows of a tensor, are in JavaScript's memory
 * at a time. The tensors are the caller's; on an error, or when aborted, none is left behind.
 *
 * @param tensorLimitBytes what one tensor may have; see {@link countSlices}
 */
export async function loadParameters(
  planned: readonly PlannedParameter[],
  blockCount: number,
  { signal, onProgress }: LoadOptions = {},
  tensorLimitBytes = Number.POSITIVE_INFINITY,
): Promise<ParameterTree & Record<string, unknown>> {
  const blocks = Array.from({ length: blockCount }, (): Record<string, Parameter> => ({}));
  const tree: Record<string, unknown> & { blocks: typeof blocks } = { blocks };
  const total = planned.reduce((sum, parameter) => sum + countElements(parameter), 0);
  let done = 0;
  try {
    for (const parameter of planned) {
      signal?.throwIfAborted();
      const value = await readParameter(parameter, countSlices(parameter, tensorLimitBytes), signal);
      const [, block, name] = /^blocks\.(\d+)\.(.+)$/.exec(parameter.path) ?? [];
      if (block !== undefined && name !== undefined) blocks[Number(block)]![name] = value;
      else tree[parameter.path] = value;
      done += countElements(parameter);
      onProgress?.({ done, total });
    }
    return tree;
  } catch (error) {
    disposeParameters(tree);
    throw error;
  }
}

export function disposeParameters(tree: ParameterTree): void {
  const { blocks, ...top } = tree;
  const isTensor = (value: unknown) => value instanceof tf.Tensor;
  for (const holder of [top, ...blocks]) tf.dispose(Object.values(holder).flat().filter(isTensor));
}

async function readParameter(
  planned: PlannedParameter,
  sliceCount: number,
  signal?: AbortSignal,
): Promise<Parameter> {
  if (planned.spec.onHost) return planned.sources[0]!.read();
  return sliceCount === 1 ? readTensor(planned) : readSlices(planned, sliceCount, signal);
}

async function readSlices(
  planned: PlannedParameter,
  sliceCount: number,
  signal?: AbortSignal,
): Promise<Tensor[]> {
  const source = planned.sources[0]!;
  const rows = Math.ceil(source.shape[0]! / sliceCount);
  const slices: Tensor[] = [];
  try {
    for (let first = 0; first < source.shape[0]!; first += rows) {
      signal?.throwIfAborted();
      slices.push(await readTensor({ ...planned, sources: [sliceSource(source, first, rows)] }));
    }
    return slices;
  } catch (error) {
    tf.dispose(slices);
    throw error;
  }
}

/** Rows `[first, first + count)` of a tensor of the checkpoint, as far as it has them. */
function sliceSource(source: TensorSource, first: number, count: number): TensorSource {
  const [rows, ...rest] = source.shape as readonly [number, ...number[]];
  const own = Math.min(count, rows - first);
  return {
    name: source.name,
    type: source.type,
    shape: [own, ...rest],
    byteLength: (source.byteLength / rows) * own,
    read: () => source.readRows(first, own),
    readRows: (from, some) => source.readRows(first + from, some),
  };
}

async function readTensor(planned: PlannedParameter): Promise<Tensor> {
  const { spec, sources, format } = planned;
  const transpose = isTransposed(planned);
  if (!transpose && sources.length === 1)
    return tf.tensor(await readShifted(sources[0]!, spec.parts[0]!, format), [...sources[0]!.shape]);
  const inputs = sources[0]!.shape[1] ?? 1;
  const outputs = sources.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const values = new Float32Array(inputs * outputs);
  let column = 0;
  for (const [i, source] of sources.entries()) {
    const order = columnOrder(spec.parts[i]!, format, source.shape[0]!).map((row) => row + column);
    await placeColumns(values, outputs, order, source, shiftOf(spec.parts[i]!, format));
    column += order.length;
  }
  return tf.tensor(values, transpose ? [inputs, outputs] : [outputs]);
}

async function readShifted(source: TensorSource, part: TensorSpec, format: Format): Promise<Float32Array> {
  const values = await source.read();
  const shift = shiftOf(part, format);
  return shift === 0 ? values : values.map((value) => value + shift);
}

function shiftOf({ offset = 0 }: TensorSpec, format: Format): number {
  return format === "gguf" ? 0 : offset;
}

/** For each row of the file the row of ours: the same, unless llama.cpp interleaved the two halves of each head. */
function columnOrder({ interleavedHeads }: TensorSpec, format: Format, rows: number): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  if (interleavedHeads === undefined || format !== "gguf") return order;
  const headWidth = rows / interleavedHeads;
  return order.map((row) => {
    const channel = row % headWidth;
    return row - channel + (channel >> 1) + (channel % 2) * (headWidth / 2);
  });
}

/** Numbers of a matrix that are in JavaScript's memory beside its transpose. */
const elementsAtOnce = 2 ** 20;

/** Writes the rows of a tensor, a few at a time, as the columns of `target` that `order` gives them. */
async function placeColumns(
  target: Float32Array,
  targetColumns: number,
  order: Uint32Array,
  source: TensorSource,
  shift: number,
): Promise<void> {
  const rows = order.length;
  const columns = source.shape[1] ?? 1;
  const count = Math.max(tile, Math.floor(elementsAtOnce / columns));
  for (let first = 0; first < rows; first += count) {
    const some = await source.readRows(first, Math.min(count, rows - first));
    const shifted = shift === 0 ? some : some.map((value) => value + shift);
    placeTransposed(target, targetColumns, order.subarray(first, first + count), shifted, columns);
  }
}

/** Rows and columns of a square that stays in the first-level cache on both sides. */
const tile = 32;

/** Writes row `i` of a source `[order.length, columns]` into column `order[i]` of `target`. */
function placeTransposed(
  target: Float32Array,
  targetColumns: number,
  order: Uint32Array,
  source: Float32Array,
  columns: number,
): void {
  const rows = order.length;
  for (let rowTile = 0; rowTile < rows; rowTile += tile) {
    const rowEnd = Math.min(rowTile + tile, rows);
    for (let columnTile = 0; columnTile < columns; columnTile += tile) {
      const columnEnd = Math.min(columnTile + tile, columns);
      for (let column = columnTile; column < columnEnd; column++) {
        const to = column * targetColumns;
        for (let row = rowTile; row < rowEnd; row++)
          target[to + order[row]!] = source[row * columns + column]!;
      }
    }
  }
}
