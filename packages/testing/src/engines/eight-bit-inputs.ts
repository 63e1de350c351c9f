/**
 * What ggml rounds on a processor, in our own forward passes: inputs of products with quantised weights to 8 bits in blocks of
 * 32, what attention multiplies to float16. For tests: it says how far llama.cpp's logits may be from float32's.
 */
import * as tf from "@tensorflow/tfjs-core";

/** Values of a block, which share a scale. */
const blockSize = 32;

/** The nearest float16; ties go to even. Numbers beyond its range do not occur here. */
function toHalf(value: number): number {
  const size = Math.abs(value);
  if (size === 0) return value;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const step = 2 ** (exponent - 10);
  const units = size / step;
  const down = Math.floor(units);
  const isUp = units - down > 0.5 || (units - down === 0.5 && down % 2 === 1);
  return Math.sign(value) * (down + (isUp ? 1 : 0)) * step;
}

/** Q8_0 and Q8_1: whole numbers up to 127 times a scale, which is kept as float16. */
function toBlocks(values: Float32Array): Float32Array {
  const rounded = new Float32Array(values.length);
  for (let from = 0; from < values.length; from += blockSize) {
    const block = values.subarray(from, from + blockSize);
    const scale = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    for (const [i, value] of block.entries())
      rounded[from + i] = scale === 0 ? 0 : Math.round(value / scale) * toHalf(scale);
  }
  return rounded;
}

/**
 * Rounds in each product of the wasm backend from now on; weights must lie there in float32.
 *
 * @param inner how many terms the sums of products with weights have: the model's widths
 * @param headWidth products of square matrices of this width turn heads by their positions, and are left alone
 * @returns ends it
 */
export function roundProductInputs(inner: readonly number[], headWidth: number): () => void {
  const original = tf.getKernel("BatchMatMul", "wasm");
  tf.unregisterKernel("BatchMatMul", "wasm");
  const rounding: tf.KernelConfig = {
    ...original,
    kernelFunc: (call) => {
      const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      if (b.shape.slice(-2).every((size) => size === headWidth)) return original.kernelFunc(call);
      const isWeight = inner.includes(a.shape.at(-1)!);
      const { backend } = call as unknown as { backend: tf.KernelBackend };
      const made: tf.TensorInfo[] = [];
      const round = ({ dataId, shape }: tf.TensorInfo) => {
        const values = backend.readSync(dataId) as Float32Array;
        const rounded = isWeight ? toBlocks(values) : values.map(toHalf);
        const info = {
          dataId: backend.write(rounded, [...shape], "float32"),
          shape,
          dtype: "float32" as const,
        };
        made.push(info);
        return info;
      };
      try {
        return original.kernelFunc({ ...call, inputs: { a: round(a), b: isWeight ? b : round(b) } });
      } finally {
        for (const { dataId } of made) backend.disposeData(dataId);
      }
    },
  };
  tf.registerKernel(rounding);
  return () => {
    tf.unregisterKernel("BatchMatMul", "wasm");
    tf.registerKernel(original);
  };
}
