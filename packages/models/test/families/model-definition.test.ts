/** A model made from its config and a checkpoint's tensors computes what the loader's model computes. */
import { readFile } from "node:fs/promises";
import { startBackend } from "@amulet-ts/backends";
import { openSafetensors } from "@amulet-ts/files";
import { defineModel, emptyCache } from "@amulet-ts/models";
import {
  checkpoints,
  loadFixture,
  prefill,
  readReference,
  readRows,
} from "@amulet-ts/testing/reference/checkpoints";
import { fixture } from "@amulet-ts/testing/reference/fixture";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

const readConfig = async (folder: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(fixture(`checkpoints/${folder}/config.json`), "utf8"));

async function readTensors(folder: string): Promise<Map<string, tf.Tensor>> {
  const file = await openSafetensors(fixture(`checkpoints/${folder}/model.safetensors`));
  const tensors = new Map<string, tf.Tensor>();
  for (const [name, source] of file.tensors)
    tensors.set(name, tf.tensor(await source.read(), [...source.shape]));
  await file.close();
  return tensors;
}

let before = 0;
beforeAll(async () => {
  await startBackend("wasm");
});
beforeEach(() => {
  before = tf.memory().numTensors;
});
afterEach(() => expect(tf.memory().numTensors).toBe(before));

describe("on reference checkpoints", () => {
  it.each(checkpoints)(
    "%s: the loader's logits, from the checkpoint's tensors as they are",
    async (folder) => {
      const ids = readReference(folder)[0]!.input_ids;
      const loaded = await loadFixture(folder, { weights: "float32" });
      const expected = await prefill(loaded, ids);
      loaded.dispose();
      const definition = defineModel(await readConfig(folder));
      const tensors = await readTensors(folder);
      const logits_TV = tf.tidy(() => {
        const pass = definition.bind(tensors);
        const batch = { ids_N: Int32Array.from(ids), lengths: [ids.length] };
        return pass.head(pass.forward(batch, [emptyCache(definition.config.blockCount)]).states_ND);
      });
      expect(await readRows(logits_TV)).toEqual(expected);
      tf.dispose([...tensors.values()]);
    },
  );

  it.each(checkpoints)(
    "%s: shapes are those of the checkpoint's tensors, which it names once each",
    async (folder) => {
      const { shapes } = defineModel(await readConfig(folder));
      const tensors = await readTensors(folder);
      for (const [name, shape] of shapes) expect(tensors.get(name)?.shape, name).toEqual(shape);
      expect(
        [...tensors.keys()].filter((name) => !shapes.has(name) && !/attn\.(masked_)?bias|lm_head/.test(name)),
      ).toEqual([]);
      tf.dispose([...tensors.values()]);
    },
  );
});

const tiny = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 4,
  intermediate_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  vocab_size: 5,
  tie_word_embeddings: true,
};

it("names the tensor that is missing, and the architecture that it does not know", () => {
  const definition = defineModel(tiny);
  expect(() => tf.tidy(() => void definition.bind(new Map()))).toThrow(/model\.embed_tokens\.weight/);
  expect(() => defineModel({ ...tiny, architectures: ["OtherForCausalLM"] })).toThrow(/OtherForCausalLM/);
  expect(() => defineModel({ ...tiny, hidden_size: "4" })).toThrow(/hidden_size/);
});

it("gives a tied embedding both of its gradients' tensors under one name", () => {
  const names = [...defineModel(tiny).shapes.keys()];
  expect(names.filter((name) => /embed|lm_head/.test(name))).toEqual(["model.embed_tokens.weight"]);
  const untied = [...defineModel({ ...tiny, tie_word_embeddings: false }).shapes.keys()];
  expect(untied).toContain("lm_head.weight");
});
