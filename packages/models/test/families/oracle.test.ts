/** Families against nested loops in float64 that share nothing with them, on tiny random models. */
import { startBackend } from "@amulet-ts/backends";
import { effectiveRoundoff } from "@amulet-ts/testing/backends/tolerance";
import { backendsUnderTest, casesOn, noteError } from "@amulet-ts/testing/backends/under-test";
import { readRows } from "@amulet-ts/testing/reference/checkpoints";
import { type ForwardSubject, forwardLaws, holdLaw } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ConfigSource } from "../../../files/src/checkpoint/config.js";
import { plain } from "../../../files/src/formats/numbers/dequantise.js";
import { decodeFloat32, isFiniteFloat32 } from "../../../files/src/formats/numbers/plain-floats.js";
import type { TensorSource } from "../../../files/src/formats/tensor-source.js";
import { loadParameters } from "../../src/loading/load-parameters.js";
import { disposeParameters } from "../../src/loading/parameter-tree.js";
import { piecesOf } from "../../src/loading/pieces.js";
import { planParameters } from "../../src/loading/plan-parameters.js";
import type { WeightStorage } from "../../src/loading/read-parameter.js";
import { findFamily } from "../../src/registry.js";
import { openTensorSession } from "../../src/session.js";

const float32 = plain("F32", 4, decodeFloat32, isFiniteFloat32);

type Logits = NonNullable<ForwardSubject["logits"]>;
type TinyModel = Parameters<Logits>[0];
type Session = ReturnType<typeof openTensorSession>;

/** The families as the laws see them, through their own tables of tensors. */
const subject = {
  name: "families",
  unitRoundoff: 2 ** -24,
  logits: (model, tokens) =>
    withSession(model, 1, async (session) => readRows(session.appendAll([tokens])[0]!)),
  logitsInSteps: (model, tokens, prefilled) =>
    withSession(model, 1, async (session) => {
      const rows = await readRows(session.appendAll([tokens.slice(0, prefilled)])[0]!);
      for (const token of tokens.slice(prefilled)) rows.push(...(await readRows(session.append([[token]]))));
      return rows;
    }),
  lastLogitsOfRows: (model, tokenRows) =>
    withSession(model, tokenRows.length, async (session) => readRows(session.append(tokenRows))),
  countTensors: () => tf.memory().numTensors,
} satisfies ForwardSubject;

/** The same with embedding and head in three pieces, or as many as their tokens allow, and with weights that stay bytes. */
const inPieces = otherwiseLoaded("families in pieces", { pieces: 3 });
const asStored = otherwiseLoaded("families from stored weights", { weights: "stored" });

interface Loading {
  readonly pieces?: number;
  readonly weights?: WeightStorage;
}

function otherwiseLoaded(name: string, loading: Loading): ForwardSubject {
  const logits: Logits = (model, tokens) =>
    withSession(model, 1, async (session) => readRows(session.appendAll([tokens])[0]!), loading);
  return { name, unitRoundoff: 2 ** -24, logits };
}

/** What a session does not do; `defineModel` does, and verify/test/gradients.test.ts judges it. */
const laws = forwardLaws.filter(({ needs }) => !needs.includes("lossAndGradient"));

async function withSession<T>(
  model: TinyModel,
  rows: number,
  run: (session: Session) => Promise<T>,
  { pieces = 1, weights = "float32" }: Loading = {},
) {
  const family = findFamily("huggingface", { architecture: model.config.architectures[0] }, "tiny");
  const names = new Set(model.tensors.keys());
  const config = family.readConfig(new ConfigSource("huggingface", "tiny", { ...model.config }, names));
  const store = { tensors: asSources(model), close: async () => {} };
  const specs = family.parameters(config);
  const sizes = family.axisSizes(config);
  const planned = planParameters(store, "huggingface", "tiny", specs, sizes, config.blockCount);
  const embedding = planned.find(({ paths }) => paths[0] === "embedding_VD")!;
  const limit = 4 * Math.ceil(sizes.V! / pieces) * sizes.D!;
  expect(piecesOf(embedding, limit)).toHaveLength(Math.ceil(sizes.V! / Math.ceil(sizes.V! / pieces)));
  const parameters = await loadParameters(planned, config.blockCount, { weights }, limit);
  const pass = family.bind(config, parameters);
  const session = openTensorSession(pass, config, rows);
  try {
    return await run(session);
  } finally {
    session.dispose();
    pass.dispose();
    disposeParameters(parameters);
  }
}

function asSources({ tensors }: TinyModel): Map<string, TensorSource> {
  const source = (name: string, shape: readonly number[], values: Float32Array): TensorSource => ({
    name,
    shape,
    type: "F32",
    byteLength: values.byteLength,
    read: async () => values,
    readRows: async (first, count) => rowsOf(values, shape, first, count),
    readStored: async (first = 0, count = shape[0]! - first) => {
      const { buffer, byteOffset, byteLength } = rowsOf(values, shape, first, count);
      return { type: float32, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
    },
  });
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [name, source(name, shape, Float32Array.from(data))]),
  );
}

function rowsOf(values: Float32Array, shape: readonly number[], first: number, count: number): Float32Array {
  const width = values.length / shape[0]!;
  return values.slice(first * width, (first + count) * width);
}

describe.each(backendsUnderTest)("on %s, tiny random models of every family keep the law", (backend) => {
  let before = 0;
  beforeAll(async () => {
    await startBackend(backend);
  });
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => expect(tf.memory().numTensors).toBe(before));

  const wholly = laws.map((law) => [law.name, law, subject] as const);
  const otherwise = [inPieces, asStored].flatMap((other) =>
    laws
      .filter(({ name }) => name === "forward-by-definition")
      .map((law) => [`${law.name}: ${other.name}`, law, other] as const),
  );

  it.each([...wholly, ...otherwise])("%s", async (_, law, families) => {
    const onBackend = { ...families, unitRoundoff: effectiveRoundoff(backend) };
    const { outcome, worst } = await holdLaw(law, onBackend, { runs: casesOn(120), seed: 4 });
    if (worst) noteError(worst.error, worst.tolerance);
    expect(outcome).toBe("held");
  });
});
