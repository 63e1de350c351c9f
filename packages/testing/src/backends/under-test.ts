/** Which backends a suite runs on, and what it measured there: `npm run test:backends` puts both into one table. */
import { appendFileSync } from "node:fs";
import { env } from "@tensorflow/tfjs-core";
import { expect } from "vitest";

/** `npm run test:backends` names one backend for a process, and the file for what was measured. */
const {
  AMULET_TEST_BACKEND: named,
  AMULET_TEST_SOFTWARE: software,
  AMULET_MEASUREMENTS: measurements,
} = process.env;

/** The backend that was named; elsewhere those that every machine has. */
export const backendsUnderTest: readonly string[] = named ? [named] : ["wasm", "cpu"];

/** For suites whose subject is logic, which one backend is enough for. */
export function backendUnderTest(usual: string): string {
  return named ?? usual;
}

/*
 * Machines that only test have no graphics card: there a processor plays one, a hundred times slower. Logits are held
 * for every family on every backend; what repeats the same kernels is done less often on such a one. A card does all.
 */
const playsCard = software === "1";

/** Cases of a property: a tenth where a processor plays the card. */
export function casesOn(usual: number): number {
  return playsCard ? Math.ceil(usual / 10) : usual;
}

/** Of many models, or inputs, all; where a processor plays the card those that come first. */
export function someOn<T>(all: readonly T[], fewer: number): readonly T[] {
  return playsCard ? all.slice(0, fewer) : all;
}

/** All of them on the usual backend; of what only repeats it on another one, every third. */
export function thirdOnOthers<T>(all: readonly T[], usual: string): readonly T[] {
  return backendUnderTest(usual) === usual ? all : all.filter((_, i) => i % 3 === 0);
}

/** While it is held, webgpu multiplies as it does on a graphics card, also where a processor plays one: slowly. */
export function kernelsOfCards(backend: string): Disposable {
  const flag = "WEBGPU_MATMUL_PROGRAM_TYPE";
  const chosen = backend === "webgpu" ? env().getNumber(flag) : undefined;
  if (chosen !== undefined) env().set(flag, -1);
  return {
    [Symbol.dispose]: () => {
      if (chosen !== undefined) env().set(flag, chosen);
    },
  };
}

/** Expects an error to be within its tolerance, and notes both. An error that is no number is none. */
export function expectWithin(error: number, tolerance: number): void {
  noteError(error, tolerance);
  expect(error).toBeLessThanOrEqual(tolerance);
}

/** Notes a comparison that something else has judged, as a line of the file that `npm run test:backends` collects. */
export function noteError(error: number, tolerance: number): void {
  if (!measurements) return;
  const { testPath = "", currentTestName = "" } = expect.getState();
  // JSON has no NaN and no Infinity; as text they come back.
  const line = { file: testPath, test: currentTestName, error: String(error), tolerance: String(tolerance) };
  appendFileSync(measurements, `${JSON.stringify(line)}\n`);
}
