/** From the field `amulet` to a method: equal settings are one object, and as many are kept as may. */
import { expect, test } from "vitest";
import { Dials, readSteer } from "../src/answering/steer.js";
import type { Steering } from "../src/protocol/steering.js";

const wish = { preference: "Be brief." };
const dialOf = (dials: Dials, settings: Steering) =>
  readSteer({ amulet: { ...wish, ...settings } }, undefined, dials).dial;

test("equal settings get the same method, whatever else is asked; others get another", () => {
  const dials = new Dials();
  const settings: readonly Steering[] = [
    {},
    { kl_budget: 0.5 },
    { kl_budget: 0.5, guidance_scale: 3 },
    { guidance_scale: 3 },
    { guidance_scale: 3, min_p_mask: 0.1 },
    { iterations: 3 },
    { iterations: 3, eta: "Infinity" },
    { method: "amulet-exact", iterations: 3 },
    { schedule: "1:0..2, 3:2.." },
    { schedule: "1:0..3, 3:3.." },
  ];
  const first = settings.map((one) => dialOf(dials, one).method);
  expect(new Set(first).size).toBe(settings.length);
  for (const [i, one] of settings.entries())
    expect(
      dialOf(dials, { ...one, preference: "Be kind.", explain: true, preference_in: "system" }).method,
    ).toBe(first[i]);
  // A profile's preference, and x at the top, are the same settings.
  expect(readSteer({ guidance_scale: 3 }, "Be kind.", dials).dial.method).toBe(first[3]);
});

test("those that were used least recently go first", () => {
  const dials = new Dials(2);
  const [one, two] = [1, 2].map((guidance_scale) => dialOf(dials, { guidance_scale }).method);
  expect(dialOf(dials, { guidance_scale: 1 }).method).toBe(one);
  dialOf(dials, { guidance_scale: 3 });
  expect(dialOf(dials, { guidance_scale: 1 }).method).toBe(one);
  expect(dialOf(dials, { guidance_scale: 2 }).method).not.toBe(two);
});

test("steps of the exact loop are bounded: everybody waits for them", () => {
  expect(() => dialOf(new Dials(), { method: "amulet-exact", iterations: 257 })).toThrow("at most 256");
  expect(dialOf(new Dials(), { iterations: 257 }).method.guidanceScale).toBeGreaterThan(1);
});
