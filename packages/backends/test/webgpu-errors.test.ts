/** Errors of a device at the reads of a backend, on a device made for it. */
import { beforeEach, expect, test } from "vitest";
import { BackendError } from "../src/index.js";
import type { ErrorScope, GpuDevice, GpuErrorEvent, WebGpuBackend } from "../src/webgpu/webgpu-device.js";
import { refuseSynchronousReads, reportErrorsAtReads } from "../src/webgpu/webgpu-errors.js";

/** Error scopes as WebGPU has them: a stack; an error goes to the innermost of its kind, or to nobody. */
class FakeDevice {
  private readonly scopes: { kind: ErrorScope; error?: { message: string } }[] = [];
  onuncapturederror: ((event: GpuErrorEvent) => void) | null = null;
  private lose!: (info: { reason?: string; message: string }) => void;
  readonly lost = new Promise<{ reason?: string; message: string }>((resolve) => {
    this.lose = resolve;
  });

  pushErrorScope(kind: ErrorScope): void {
    this.scopes.push({ kind });
  }

  async popErrorScope() {
    const scope = this.scopes.pop();
    if (!scope) throw new Error("no scope is open");
    return scope.error ?? null;
  }

  fail(kind: ErrorScope, message: string): void {
    const scope = this.scopes.findLast((one) => one.kind === kind);
    if (scope) scope.error ??= { message };
    // Told to nobody in particular it comes some time later: too late for the read that it belongs to.
    else setTimeout(() => this.onuncapturederror?.({ error: { message }, preventDefault() {} }));
  }

  disappear(reason: string): void {
    this.lose({ reason, message: "gone" });
  }
}

let device: FakeDevice;
let backend: WebGpuBackend;
/** What reading submits. */
let submit: () => void;

beforeEach(() => {
  device = new FakeDevice();
  submit = () => {};
  backend = {
    device: device as unknown as GpuDevice,
    bufferManager: undefined as never,
    tensorMap: { get: (id) => id as { dtype: string } },
    read: async () => {
      submit();
      return Float32Array.of(1);
    },
    readSync: () => Float32Array.of(2),
  };
  reportErrorsAtReads(backend);
});

test.each(["validation", "out-of-memory", "internal"] as const)(
  "an error of the kind %s is thrown at the next read, once",
  async (kind) => {
    device.fail(kind, "the buffer is too large");
    const error = await backend.read({}).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(BackendError);
    expect(error).toMatchObject({
      code: "device-error",
      message: expect.stringContaining("the buffer is too large"),
    });
    expect(await backend.read({})).toEqual(Float32Array.of(1));
  },
);

test("at every read anew, before the garbage is given", async () => {
  for (const message of ["first", "second"]) {
    expect(await backend.read({})).toEqual(Float32Array.of(1));
    device.fail("validation", message);
    await expect(backend.read({})).rejects.toMatchObject({ message: expect.stringContaining(message) });
  }
});

test("so is one of the commands that the read itself submits", async () => {
  submit = () => device.fail("validation", "bind group");
  await expect(backend.read({})).rejects.toMatchObject({ code: "device-error" });
});

test("and one that no scope has caught", async () => {
  device.onuncapturederror!({ error: { message: "late" }, preventDefault() {} });
  await expect(backend.read({})).rejects.toMatchObject({ message: expect.stringContaining("late") });
});

test("reads at the same time open and close their own scopes", async () => {
  device.fail("validation", "before both");
  const results = await Promise.allSettled([backend.read({}), backend.read({}), backend.read({})]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
});

test("a device that is lost gives nothing any more; one that was destroyed on purpose is no error", async () => {
  device.disappear("unknown");
  await expect(backend.read({})).rejects.toMatchObject({ message: expect.stringContaining("lost: gone") });
  await expect(backend.read({})).rejects.toMatchObject({ code: "device-error" });
});

test("a read that fails by itself names its reason", async () => {
  submit = () => {
    throw new Error("mapAsync failed");
  };
  await expect(backend.read({})).rejects.toMatchObject({
    code: "device-error",
    message: expect.stringContaining("mapAsync failed"),
  });
});

test("a synchronous read says what to write instead, unless the numbers are here", () => {
  refuseSynchronousReads(backend);
  expect(() => backend.readSync({ dtype: "float32" })).toThrowError(/await tensor\.data\(\)/);
  expect(backend.readSync({ dtype: "float32", values: Float32Array.of(2) })).toEqual(Float32Array.of(2));
  expect(backend.readSync({ dtype: "string" })).toEqual(Float32Array.of(2));
});
