import { expect, test } from "vitest";
import { parseCard } from "../src/nvidia.js";

test.each([
  ["NVIDIA H200, 143771\n", { name: "NVIDIA H200", memoryBytes: 143_771 * 2 ** 20 }],
  [
    "NVIDIA GeForce RTX 4090, 24564\nNVIDIA T4, 15360\n",
    { name: "NVIDIA GeForce RTX 4090", memoryBytes: 24_564 * 2 ** 20 },
  ],
  ["No devices were found\n", undefined],
  ["", undefined],
])("what the driver says, %j, is read", (text, card) => {
  expect(parseCard(text)).toEqual(card);
});
