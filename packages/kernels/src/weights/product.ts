/** The job of multiplying rows of activations with weights that stand side by side; assembly/product.ts runs it. */
import { type HeldRows, paddedRow, type ScratchParts } from "../memory/scratch-parts.js";
import type { Program } from "../pool/program.js";
import { bytesOfRow } from "../stored-rows.js";
import type { StoredType } from "../stored-types.js";

/** Blocks in the pool's memory: `[outputs, inputs]`. */
export interface HeldBlocks {
  readonly type: StoredType;
  readonly at: number;
  readonly outputs: number;
  readonly inputs: number;
}

/** One weight's products, a row of them `rowBytes` after the other. */
export interface ProductPart {
  readonly blocks: HeldBlocks;
  readonly resultAt: number;
  readonly resultRowBytes: number;
  /** Whether they are added to what is there. */
  readonly adds?: boolean;
}

/** Outputs that are decoded together. */
const together = 4;

/** Rows that are multiplied in registers, without a weight's numbers being written anywhere. */
const mostNarrow = 2;

/** Parts of a job: what is written of them lies before what is given away (layout.ts). */
const mostParts = 100;

/** @param parts of equal inputs */
export function multiply(
  program: Program,
  scratch: ScratchParts,
  states: HeldRows,
  parts: readonly ProductPart[],
): void {
  for (let first = 0; first < parts.length; first += mostParts)
    writeProduct(program, scratch, states, parts.slice(first, first + mostParts));
}

function writeProduct(
  program: Program,
  scratch: ScratchParts,
  states: HeldRows,
  parts: readonly ProductPart[],
): void {
  const { inputs } = parts[0]!.blocks;
  const padded = paddedRow(inputs);
  let outputs = 0;
  for (const { blocks } of parts) outputs += blocks.outputs;
  const units = Math.ceil(outputs / together);
  // A decoded number costs as much as some of its products.
  const chunks = program.pool.chunksFor(units, together * inputs * (states.count + 2));
  const chunkOutputs = Math.ceil(units / chunks) * together;
  const [turned, scaled] = prepare(program, scratch, states, inputs, parts);
  const details = [
    states.at,
    4 * padded,
    states.count,
    inputs,
    padded,
    chunkOutputs,
    parts.length,
    turned,
    scaled,
  ];
  // Parts begin at number 16.
  details.push(0, 0, 0, 0, 0, 0, 0);
  for (const part of parts) describe(part, details);
  program.add("product", Math.ceil(outputs / chunkOutputs), details, 4 * together * padded + narrowScratch);
}

/** What a row of weights takes while it is read: scales of its blocks, sums, and a store that is not read. */
const narrowScratch = 192;

/**
 * Activations in the order of codes, and those that narrow products of unsigned codes take (assembly/prepared-states.ts): addresses,
 * or 0 for what no part needs.
 */
function prepare(
  program: Program,
  scratch: ScratchParts,
  { at, count }: HeldRows,
  inputs: number,
  parts: readonly ProductPart[],
): readonly [turned: number, scaled: number] {
  const has = (codes: string) => parts.some(({ blocks }) => blocks.type.codes === codes);
  const isNarrow = count <= mostNarrow;
  const wantsScaled = isNarrow && has("unsigned");
  const wantsTurned = has("signed") || (!isNarrow && has("unsigned"));
  const write = (isTurned: boolean) => {
    const bytes = (inputs / 32) * (isTurned ? 128 : 144);
    const to = scratch.floats((count * bytes) / 4);
    const details = [at, 4 * paddedRow(inputs), to, bytes, inputs, Number(isTurned)];
    program.addRows("prepare", count, inputs, details);
    return to;
  };
  return [wantsTurned ? write(true) : 0, wantsScaled ? write(false) : 0];
}

/** As assembly/product.ts reads it. */
function describe({ blocks, resultAt, resultRowBytes, adds = false }: ProductPart, to: number[]): void {
  const { type, at, outputs, inputs } = blocks;
  to.push(type.id, at, bytesOfRow(type, inputs), outputs, resultAt, resultRowBytes, Number(adds), 0);
}
