/** Faults that one could make in a forward pass, planted round the oracle. */
import type { TinyModel } from "../arbitraries/models.js";
import { oracleLogits } from "../laws/forward/oracle-logits.js";
import { tabulate } from "../oracles/distribution.js";
import type { PlainTensor } from "../oracles/transformers/checkpoint.js";
import type { ForwardOperations, ForwardSubject } from "../subject.js";
import { toBfloat16 } from "./bfloat16.js";
import { differentiate, roundoffOfDifferences } from "./differentiate.js";

/** A planted fault. */
export interface ForwardMutant {
  readonly name: string;
  readonly fault: string;
  /** The name of a law that breaks on it. */
  readonly caughtBy: string;
  readonly subject: ForwardSubject;
}

type Tokens = readonly number[];
const lastOf = (rows: readonly Float64Array[]) => rows.at(-1)!;

/** Logits at every position of one token row. */
type Forward = (model: TinyModel, tokens: Tokens) => Float64Array[];

/**
 * A forward pass as a subject, by default the oracle. Without a cache of its own, its steps are prefixes; without
 * automatic differentiation, its gradients are differences, of which some nine digits are right.
 */
export function createForwardSubject(
  name: string,
  forward: Forward = oracleLogits,
  faults: Partial<ForwardOperations> = {},
  unitRoundoff = 2 ** -53,
): ForwardSubject {
  return {
    name,
    unitRoundoff,
    logits: forward,
    logitsInSteps: (model, tokens) => tokens.map((_, t) => lastOf(forward(model, tokens.slice(0, t + 1)))),
    lastLogitsOfRows: (model, tokenRows) => tokenRows.map((tokens) => lastOf(forward(model, tokens))),
    lossAndGradient: differentiate,
    countTensors: () => 0,
    ...faults,
  };
}

/** A fault in the flow of tokens. */
function plant(
  name: string,
  fault: string,
  caughtBy: string,
  faults: Partial<ForwardOperations>,
): ForwardMutant {
  return { name, fault, caughtBy, subject: createForwardSubject(name, oracleLogits, faults) };
}

/** A forward pass that is wrong in the same way whichever way it is called: only the oracle can tell. */
function misread(name: string, fault: string, change: (model: TinyModel) => TinyModel): ForwardMutant {
  const forward: Forward = (model, tokens) => oracleLogits(change(model), tokens);
  return { name, fault, caughtBy: "forward-by-definition", subject: createForwardSubject(name, forward) };
}

/** The model with other settings in its config. */
function reconfigured(model: TinyModel, change: object): TinyModel {
  return { ...model, config: { ...model.config, ...change } } as TinyModel;
}

function mapTensors(model: TinyModel, change: (name: string, tensor: PlainTensor) => PlainTensor): TinyModel {
  const tensors = new Map([...model.tensors].map(([name, tensor]) => [name, change(name, tensor)]));
  return { ...model, tensors };
}

/** The tensor that stands where `name` should. */
function renamed(model: TinyModel, swap: (name: string) => string): TinyModel {
  return mapTensors(model, (name, tensor) => model.tensors.get(swap(name)) ?? tensor);
}

function exchange(one: string, other: string): (name: string) => string {
  return (name) => (name.includes(one) ? name.replace(one, other) : name.replace(other, one));
}

/** Heads of width 4 in reverse order: every query group then meets another group's keys. */
function reverseHeads({ shape, data }: PlainTensor): PlainTensor {
  const [rows, columns] = [shape[0]!, shape[1]!];
  const from = (row: number) => rows - 4 - 4 * Math.floor(row / 4) + (row % 4);
  return {
    shape,
    data: tabulate(rows * columns, (i) => data[from(Math.floor(i / columns)) * columns + (i % columns)]!),
  };
}

const misreadings: readonly ForwardMutant[] = [
  misread("norms-swapped", "the feed-forward uses the attention's norm and the other way round", (model) =>
    renamed(
      renamed(model, exchange("input_layernorm", "post_attention_layernorm")),
      exchange("ln_1", "ln_2"),
    ),
  ),
  misread("gate-and-up-swapped", "silu on the wrong half (Llama)", (model) =>
    renamed(model, exchange("gate_proj", "up_proj")),
  ),
  misread("head-grouping", "query heads read another group's keys (Llama)", (model) =>
    mapTensors(model, (name, tensor) => (name.endsWith("k_proj.weight") ? reverseHeads(tensor) : tensor)),
  ),
  misread("rope-base", "rotations with base 10,000 whatever the config says (Llama)", (model) =>
    reconfigured(model, model.family === "gemma3" ? {} : { rope_theta: 10_000 }),
  ),
  misread("rope-unscaled", "the scaling of the rotations ignored (Llama)", (model) =>
    reconfigured(model, { rope_scaling: null }),
  ),
  misread("rope-of-other-blocks", "every block with the rotations of the full ones (Gemma 3)", (model) => {
    if (model.family !== "gemma3") return model;
    const { full_attention } = model.config.rope_parameters;
    return reconfigured(model, {
      rope_parameters: { full_attention, sliding_attention: full_attention },
    });
  }),
  misread("epsilon", "the norm's ε is 1e-6", (model) =>
    reconfigured(model, { rms_norm_eps: 1e-6, layer_norm_epsilon: 1e-6 }),
  ),
  misread(
    "window-off-by-one",
    "a query sees one token more than its window (Mistral, Qwen, Gemma 3)",
    (model) => {
      const window = "sliding_window" in model.config ? model.config.sliding_window : null;
      return typeof window === "number" ? reconfigured(model, { sliding_window: window + 1 }) : model;
    },
  ),
  misread("window-everywhere", "the window in every block (Qwen)", (model) =>
    reconfigured(model, model.family.startsWith("qwen") ? { max_window_layers: 0, layer_types: null } : {}),
  ),
  misread("biases-dropped", "queries, keys and values without biases (Qwen2)", (model) =>
    mapTensors(model, (name, { shape, data }) => ({
      shape,
      data: name.endsWith("proj.bias") ? tabulate(data.length, () => 0) : data,
    })),
  ),
  misread("head-norms-swapped", "queries under the norm of keys (Qwen3, Gemma 3)", (model) =>
    renamed(model, exchange("q_norm", "k_norm")),
  ),
  misread("norm-without-one", "w for 1 + w (Gemma 3)", (model) =>
    mapTensors(model, (name, { shape, data }) => ({
      shape,
      data:
        model.family === "gemma3" && name.includes("norm")
          ? tabulate(data.length, (i) => data[i]! - 1)
          : data,
    })),
  ),
  misread("query-scale", "1/√K whatever the config says (Gemma 3)", (model) =>
    reconfigured(model, { query_pre_attn_scalar: 4 }),
  ),
  misread("caps-forgotten", "no soft caps (Gemma 3)", (model) =>
    reconfigured(model, { attn_logit_softcapping: null, final_logit_softcapping: null }),
  ),
  misread("bfloat16-weights", "weights rounded to bfloat16", (model) =>
    mapTensors(model, (_, { shape, data }) => ({
      shape,
      data: tabulate(data.length, (i) => toBfloat16(data[i]!)),
    })),
  ),
];

const flowFaults: readonly ForwardMutant[] = [
  plant("mask-off-by-one", "a position sees the next token", "forward-is-causal", {
    logits: (model, tokens) =>
      tokens.map((_, t) => oracleLogits(model, tokens.slice(0, t + 2))[Math.min(t + 1, tokens.length - 1)]!),
  }),
  plant("cache-forgotten", "a step sees its own token only", "prefill-equals-steps", {
    logitsInSteps: (model, tokens, prefilled) =>
      tokens.map((token, t) =>
        t < prefilled ? oracleLogits(model, tokens)[t]! : oracleLogits(model, [token])[0]!,
      ),
  }),
  plant("position-offset", "steps start one position late", "prefill-equals-steps", {
    logitsInSteps: (model, tokens, prefilled) =>
      tokens.map((_, t) =>
        lastOf(oracleLogits(model, t < prefilled ? tokens.slice(0, t + 1) : [0, ...tokens.slice(0, t + 1)])),
      ),
  }),
  plant("padding-leaks", "short rows attend to their padding", "rows-equal-single", {
    lastLogitsOfRows: (model, tokenRows) => {
      const longest = Math.max(...tokenRows.map(({ length }) => length));
      const pad = (tokens: Tokens) => [...Array<number>(longest - tokens.length).fill(0), ...tokens];
      return tokenRows.map((tokens) => lastOf(oracleLogits(model, pad(tokens))));
    },
  }),
];

const memoryFaults: readonly ForwardMutant[] = [
  (() => {
    let alive = 0;
    return plant("cache-never-freed", "a step's cache outlives its session", "no-tensor-left-by-forward", {
      logitsInSteps: (model, tokens) => {
        alive += tokens.length;
        return oracleLogits(model, tokens);
      },
      countTensors: () => alive,
    });
  })(),
];

/** A fault in the gradient alone. */
function misled(name: string, fault: string, lossAndGradient: ForwardOperations["lossAndGradient"]) {
  const subject = createForwardSubject(name, oracleLogits, { lossAndGradient }, roundoffOfDifferences);
  return { name, fault, caughtBy: "gradient-by-differences", subject };
}

const gradientFaults: readonly ForwardMutant[] = [
  misled("gradient-of-the-sum", "the loss is averaged, its gradient is not", (model, tokens) => {
    const { loss, gradient } = differentiate(model, tokens);
    return { loss, gradient: gradient.scaled(tokens.length - 1) };
  }),
  misled("tied-once", "a tied embedding gets the gradient of the first of its two uses", (model, tokens) => {
    const whole = differentiate(model, tokens);
    const table = model.tensors.get("model.embed_tokens.weight");
    if (model.family === "gpt2" || model.family === "gemma3" || model.tensors.has("lm_head.weight") || !table)
      return whole;
    const tensors = new Map([...model.tensors, ["lm_head.weight", table] as const]);
    return differentiate(reconfigured({ ...model, tensors }, { tie_word_embeddings: false }), tokens);
  }),
  misled("gradient-turned", "matrices come back as [in, out]", (model, tokens) => {
    const { loss, gradient } = differentiate(model, tokens);
    return { loss, gradient: gradient.turned() };
  }),
  misled("targets-late", "each position is held to its own token", (model, tokens) =>
    differentiate(model, [tokens[0]!, ...tokens.slice(0, -1)]),
  ),
];

/** All planted faults of forward passes. */
export const forwardMutants: readonly ForwardMutant[] = [
  ...misreadings,
  ...flowFaults,
  ...memoryFaults,
  ...gradientFaults,
];
