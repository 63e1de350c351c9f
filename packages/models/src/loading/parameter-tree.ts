/** Parameters at their places: those of the model by their names, those of blocks in lists. */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { ParameterTree } from "../family.js";
import type { Weight } from "../weights/weight.js";

/** A parameter as a family has it. */
export type Parameter = Tensor | Weight | Float32Array;

/** A tree that is being filled. */
export interface GrowingTree extends ParameterTree {
  readonly blocks: readonly Record<string, Parameter>[];
  [name: string]: unknown;
}

export function emptyTree(blockCount: number): GrowingTree {
  return { blocks: Array.from({ length: blockCount }, () => ({})) };
}

/** Puts a parameter at a planned path: `norm_D`, or `blocks.3.wo_ED`. */
export function placeParameter(tree: GrowingTree, path: string, value: Parameter): void {
  const [holder, name] = holderOf(tree, path);
  holder[name] = value;
}

/** What is at a planned path. */
export function parameterAt(tree: ParameterTree, path: string): Parameter {
  const [holder, name] = holderOf(tree, path);
  return holder[name]!;
}

function holderOf(tree: ParameterTree, path: string): [holder: Record<string, Parameter>, name: string] {
  const [, block, name] = /^blocks\.(\d+)\.(.+)$/.exec(path) ?? [];
  const holder = block === undefined ? tree : tree.blocks[Number(block)]!;
  return [holder as Record<string, Parameter>, name ?? path];
}

export function disposeParameters(tree: ParameterTree): void {
  const { blocks, ...top } = tree;
  // A tied embedding stands at two places.
  const held = new Set([top, ...blocks].flatMap((holder) => Object.values(holder) as Parameter[]));
  for (const parameter of held) if (!(parameter instanceof Float32Array)) parameter.dispose();
}
