import { checkConfig } from "@amulet-ts/models";
import { tinyConfig } from "@amulet-ts/testing/models/tiny-folder";
import { expect, test } from "vitest";

const seeing = { architectures: ["LlavaForConditionalGeneration"], model_type: "llava" };

test.each<[string, object]>([
  ["a class", tinyConfig],
  ["a type", { ...tinyConfig, architectures: null, model_type: "llama" }],
  [
    "a text part",
    { ...seeing, text_config: { ...tinyConfig, architectures: undefined, model_type: "llama" } },
  ],
])("%s that is run passes before there are weights", (_, config) => {
  expect(() => checkConfig({ ...config }, "o/n")).not.toThrow();
});

test.each<[object, string, RegExp]>([
  [{ model_type: "phi" }, "unknown-architecture", /^o\/n.*"phi"/],
  [{ ...tinyConfig, attention_bias: true }, "bad-config", /^o\/n: "attention_bias" must be false/],
  [
    { ...tinyConfig, rope_scaling: { rope_type: "yarn" } },
    "bad-config",
    /^o\/n, rope_scaling: "rope_type" must be/,
  ],
  [{ ...tinyConfig, head_dim: 3 }, "bad-config", /^o\/n: "head_dim" must be even/],
  [
    { ...seeing, text_config: { ...tinyConfig, model_type: "llama", hidden_act: "relu" } },
    "bad-config",
    /^o\/n, text_config: "hidden_act"/,
  ],
])("%j is refused before there are weights", (config, code, message) => {
  expect(() => checkConfig({ ...config }, "o/n")).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});
