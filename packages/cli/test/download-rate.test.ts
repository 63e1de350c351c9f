import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { DownloadRate, formatDuration } from "../src/terminal/download-rate.js";

test("nothing is said of the first moments", () => {
  const rate = new DownloadRate();
  rate.note(10, 1000);
  rate.note(10.1, 900_000);
  expect(rate.bytesPerSecond).toBeUndefined();
});

test.prop([fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 2, max: 200 })])(
  "a steady stream has its own rate, however long it runs",
  (speed, steps) => {
    const rate = new DownloadRate();
    for (let i = 0; i <= steps; i++) rate.note(i / 4, (speed * i) / 4);
    expect(rate.bytesPerSecond).toBeCloseTo(speed, -Math.floor(Math.log10(speed)) + 9);
  },
);

test("what was fast ten seconds ago counts no more", () => {
  const rate = new DownloadRate();
  for (let second = 0; second <= 30; second++) rate.note(second, second <= 10 ? second * 1e9 : 1e10);
  expect(rate.bytesPerSecond).toBe(0);
});

test.each([
  [0.2, "1 s"],
  [42, "42 s"],
  [99.6, "2 min"],
  [3000, "50 min"],
  [9000, "2.5 h"],
])("%d seconds are %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
