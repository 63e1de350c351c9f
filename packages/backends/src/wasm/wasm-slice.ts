/**
 * A Slice kernel for the wasm backend. TensorFlow.js 4.22 copies the whole tensor out of the heap before it takes
 * the slice, so that a row of a large matrix costs as much as the matrix; this one copies the slice, inside the heap.
 */
import * as tf from "@tensorflow/tfjs-core";

/** What the kernel needs of tfjs-backend-wasm's backend class. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
}

let isInstalled = false;

/** Puts it in the place of the original, once; tensors of strings still take the original's way. */
export function installWasmSlice(): void {
  const original = tf.getKernel("Slice", "wasm");
  if (!original || isInstalled) return;
  isInstalled = true;
  tf.unregisterKernel("Slice", "wasm");
  tf.registerKernel({ ...original, kernelFunc: sliceInHeap });
}

const sliceInHeap: tf.KernelFunc = ({ inputs, backend, attrs }) => {
  const x = inputs.x as tf.Tensor;
  const { begin, size } = attrs as unknown as { begin: number | number[]; size: number | number[] };
  const [from, shape] = tf.slice_util.parseSliceParams(x, begin, size) as [number[], number[]];
  const { makeOutput, typedArrayFromHeap } = backend as WasmBackend;
  const output = makeOutput.call(backend, shape, x.dtype);
  // Views are made after the output: making it may grow the heap, which detaches older ones.
  const [source, target] = [typedArrayFromHeap.call(backend, x), typedArrayFromHeap.call(backend, output)];
  copyRuns(source, target, tf.util.computeStrides(x.shape), from, shape);
  return output;
};

type Values = Float32Array | Int32Array | Uint8Array;

/** Copies the slice run by run: a run is a stretch of the last axes that is whole in the source. */
function copyRuns(
  source: Values,
  target: Values,
  strides: readonly number[],
  from: readonly number[],
  shape: readonly number[],
): void {
  const rank = shape.length;
  const start = from.reduce((sum, begin, axis) => sum + begin * (strides[axis] ?? 1), 0);
  let axis = rank;
  let run = 1;
  // Grow the run over axes that lie without a gap between their slices.
  while (axis > 0 && (axis === rank || run === strides[axis - 1])) run *= shape[--axis]!;
  if (run === 0) return;
  const counts = shape.slice(0, axis);
  const steps = strides.slice(0, axis);
  for (let done = 0; done < target.length; done += run) {
    const position = start + offsetOf(done / run, counts, steps);
    target.set(source.subarray(position, position + run), done);
  }
}

/** Offset in the source of the `index`-th run. */
function offsetOf(index: number, counts: readonly number[], steps: readonly number[]): number {
  let offset = 0;
  let left = index;
  for (let axis = counts.length - 1; axis >= 0; axis--) {
    offset += (left % counts[axis]!) * steps[axis]!;
    left = Math.floor(left / counts[axis]!);
  }
  return offset;
}
