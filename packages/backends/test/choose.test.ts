/** What is chosen unasked, and what is said of a better one that does not start: with stand-ins for the system. */
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { candidateBackends, startBackend } from "../src/index.js";
import { loadLibtensorflow } from "../src/libtensorflow/load.js";
import { isSoftware } from "../src/webgpu/webgpu.js";
import type { Gpu, GpuAdapterInfo } from "../src/webgpu/webgpu-device.js";

const system = vi.hoisted(() => ({
  card: true,
  cuda: false,
  openDawn: async (): Promise<unknown> => undefined,
}));

vi.mock("../src/webgpu/dawn.js", () => ({
  findDawn: () => "here",
  mayHaveGraphicsCard: () => system.card,
  openDawn: () => system.openDawn(),
}));
vi.mock("../src/nvidia.js", () => ({
  mayHaveNvidiaCard: () => system.cuda,
  findNvidiaCard: async () => undefined,
}));
vi.mock("../src/libtensorflow/load.js", () => ({
  isLibtensorflowHere: () => system.cuda,
  loadLibtensorflow: vi.fn(),
}));

const realCard: GpuAdapterInfo = { vendor: "nvidia", architecture: "hopper", device: "", description: "" };

/** @param adapter null: the driver answers with none */
function answerWith(adapter: object | null): void {
  system.openDawn = async (): Promise<Gpu> => ({ requestAdapter: async () => adapter as never });
}

const adapterOf = (info: GpuAdapterInfo) => ({
  info,
  limits: {},
  features: new Set(),
  requestDevice: () => Promise.reject(new Error("the card is busy.")),
});

beforeEach(() => {
  Object.assign(system, { card: true, cuda: false });
  answerWith(null);
});

test("where no system device hints at a card, wasm alone, without a word", async () => {
  system.card = false;
  expect(await candidateBackends()).toEqual({ names: ["wasm"], passedOver: [] });
});

test("a card whose driver does not answer is passed over with the sentence that says so", async () => {
  const passedOver = [expect.stringContaining("install its driver")];
  expect(await candidateBackends()).toEqual({ names: ["wasm"], passedOver });
  expect(await startBackend()).toMatchObject({ name: "wasm", passedOver });
});

test("so is a Dawn that does not load", async () => {
  system.openDawn = () => Promise.reject(new Error("libvulkan.so.1 is missing"));
  expect((await candidateBackends()).passedOver).toEqual(["libvulkan.so.1 is missing"]);
});

test("a card that answers comes first; one that fails then is passed over with its error", async () => {
  answerWith(adapterOf(realCard));
  expect(await candidateBackends()).toEqual({ names: ["webgpu", "wasm"], passedOver: [] });
  const why = 'The backend "webgpu" did not start: the card is busy.';
  expect(await startBackend()).toMatchObject({ name: "wasm", passedOver: [why] });
  await expect(startBackend("webgpu")).rejects.toMatchObject({ code: "failed-start", message: why });
});

test.each([
  ["SwiftShader", { device: "SwiftShader Device (Subzero)" }],
  ["llvmpipe", { description: "llvmpipe (LLVM 15.0.6, 256 bits)" }],
  ["Windows' basic renderer", { description: "Microsoft Basic Render Driver" }],
  ["what says so itself", { isFallbackAdapter: true }],
])("%s plays a card: never taken unasked, and not worth a word", async (_, info) => {
  const software = { vendor: "", architecture: "", device: "", description: "", ...info };
  expect(isSoftware(software)).toBe(true);
  expect(isSoftware(realCard)).toBe(false);
  answerWith(adapterOf(software));
  expect(await candidateBackends()).toEqual({ names: ["wasm"], passedOver: [] });
});

test("CUDA comes before WebGPU where its library is set up", async () => {
  system.cuda = true;
  answerWith(adapterOf(realCard));
  expect((await candidateBackends()).names).toEqual(["node-gpu", "webgpu", "wasm"]);
});

describe("a libtensorflow that sees no card", () => {
  beforeEach(() => {
    vi.mocked(loadLibtensorflow).mockImplementation(() => {
      const blind = { isUsingGpuDevice: false, binding: { TF_Version: "9.9" }, dispose: () => {} };
      tf.registerBackend("tensorflow", () => blind as unknown as tf.KernelBackend, 3);
    });
  });
  afterEach(() => {
    if (tf.findBackendFactory("tensorflow")) tf.removeBackend("tensorflow");
  });

  test("is refused and the backend from before goes on", async () => {
    await startBackend("wasm");
    await expect(startBackend("node-gpu")).rejects.toMatchObject({ code: "failed-start" });
    expect(tf.getBackend()).toBe("wasm");
  });

  test("is taken off where none ran before: nothing computes on it unseen", async () => {
    tf.removeBackend("wasm");
    await expect(startBackend("node-gpu")).rejects.toMatchObject({ code: "failed-start" });
    expect(tf.findBackend("tensorflow")).toBeNull();
    expect(tf.engine().backendName).toBeFalsy();
  });
});
