/**
 * TensorFlow.js kernels without the argument conversions of its public operations, which cost more than the
 * arithmetic where tensors are small: 3 µs a call instead of 6 to 17 on the wasm backend. The same kernels, so the
 * same numbers and gradients; shapes must already fit.
 */
import { engine, type Tensor, type Tensor2D, type Tensor3D } from "@tensorflow/tfjs-core";

type Inputs = Parameters<ReturnType<typeof engine>["runKernel"]>[1];
type Attributes = Parameters<ReturnType<typeof engine>["runKernel"]>[2];

function run<T extends Tensor>(kernel: string, inputs: Inputs, attributes?: Attributes): T {
  return engine().runKernel(kernel, inputs, attributes) as T;
}

/** Sum; shapes broadcast. */
export const add = <T extends Tensor>(a: T, b: Tensor): T => run("Add", { a, b });

/** Product by element; shapes broadcast. */
export const mul = <T extends Tensor>(a: T, b: Tensor): T => run("Multiply", { a, b });

/** Difference; shapes broadcast. */
export const sub = <T extends Tensor>(a: T, b: Tensor): T => run("Sub", { a, b });

export const square = <T extends Tensor>(x: T): T => run("Square", { x });

/** 1/√x. */
export const rsqrt = <T extends Tensor>(x: T): T => run("Rsqrt", { x });

export const sigmoid = <T extends Tensor>(x: T): T => run("Sigmoid", { x });

export const tanh = <T extends Tensor>(x: T): T => run("Tanh", { x });

/** Mean over the last axis, which stays as 1. */
export const meanLast = <T extends Tensor>(x: T): T =>
  run("Mean", { x }, { axis: [x.rank - 1], keepDims: true });

/** Sum over one axis, which goes. */
export const sumOver = (x: Tensor, axis: number): Tensor =>
  run("Sum", { x }, { axis: [axis], keepDims: false });

/** Over the last axis. */
export const softmax = <T extends Tensor>(logits: T): T =>
  run("Softmax", { logits }, { dim: logits.rank - 1 });

/** Matrix product of two matrices. */
export const matMul = (a: Tensor2D, b: Tensor2D): Tensor2D =>
  run("BatchMatMul", { a, b }, { transposeA: false, transposeB: false });

/** Matrix product of a matrix with one that is turned: a bᵀ. */
export const matMulTurned = (a: Tensor2D, b: Tensor2D): Tensor2D =>
  run("BatchMatMul", { a, b }, { transposeA: false, transposeB: true });

/** Products of the matrices of two stacks; `transposeB` turns each of the second. */
export const matMulStacks = (a: Tensor3D, b: Tensor3D, transposeB: boolean): Tensor3D =>
  run("BatchMatMul", { a, b }, { transposeA: false, transposeB });

/** The two middle axes of four exchanged. */
export const swapMiddleAxes = (x: Tensor): Tensor => run("Transpose", { x }, { perm: [0, 2, 1, 3] });

export const transpose = (x: Tensor2D): Tensor2D => run("Transpose", { x }, { perm: [1, 0] });

export const reshape = <T extends Tensor>(x: Tensor, shape: number[]): T => run("Reshape", { x }, { shape });

export const concat = (parts: readonly Tensor2D[], axis: 0 | 1): Tensor2D =>
  parts.length === 1 ? parts[0]! : run("Concat", [...parts] as unknown as Inputs, { axis });

/** Rows `[start, start + count)` of a matrix; the matrix itself where that is all of it. */
export const sliceRows = (x: Tensor2D, start: number, count: number): Tensor2D =>
  count === x.shape[0] ? x : run("Slice", { x }, { begin: [start, 0], size: [count, x.shape[1]] });

/** Columns `[start, start + count)` of a matrix; the matrix itself where that is all of it. */
export const sliceColumns = (x: Tensor2D, start: number, count: number): Tensor2D =>
  count === x.shape[1] ? x : run("Slice", { x }, { begin: [0, start], size: [x.shape[0], count] });
