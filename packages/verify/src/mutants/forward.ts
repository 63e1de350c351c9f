/** Faults that one could make in a forward pass, planted round the oracle. */
import type { TinyModel } from "../arbitraries/models.js";
import { oracleLogits } from "../laws/forward.js";
import type { PlainTensor } from "../oracles/checkpoint.js";
import { tabulate } from "../oracles/distribution.js";
import type { ForwardOperations, ForwardSubject } from "../subject.js";
import { toBfloat16 } from "./bfloat16.js";

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

/** A forward pass as a subject, by default the oracle. Without a cache of its own, its steps are prefixes. */
export function createForwardSubject(
  name: string,
  forward: Forward = oracleLogits,
  faults: Partial<ForwardOperations> = {},
): ForwardSubject {
  return {
    name,
    unitRoundoff: 2 ** -53,
    logits: forward,
    logitsInSteps: (model, tokens) => tokens.map((_, t) => lastOf(forward(model, tokens.slice(0, t + 1)))),
    lastLogitsOfRows: (model, tokenRows) => tokenRows.map((tokens) => lastOf(forward(model, tokens))),
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

function mapTensors(model: TinyModel, change: (name: string, tensor: PlainTensor) => PlainTensor): TinyModel {
  return {
    ...model,
    tensors: new Map([...model.tensors].map(([name, tensor]) => [name, change(name, tensor)])),
  };
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
    mapTensors(model, (name, tensor) => (name.includes("k_proj") ? reverseHeads(tensor) : tensor)),
  ),
  misread("rope-base", "rotations with base 10,000 whatever the config says (Llama)", (model) =>
    model.family === "llama" ? { ...model, config: { ...model.config, rope_theta: 10_000 } } : model,
  ),
  misread("rope-unscaled", "the scaling of the rotations ignored (Llama)", (model) =>
    model.family === "llama" ? { ...model, config: { ...model.config, rope_scaling: null } } : model,
  ),
  misread("epsilon", "the norm's ε is 1e-6", (model) =>
    model.family === "llama"
      ? { ...model, config: { ...model.config, rms_norm_eps: 1e-6 } }
      : { ...model, config: { ...model.config, layer_norm_epsilon: 1e-6 } },
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

/** All planted faults of forward passes. */
export const forwardMutants: readonly ForwardMutant[] = [...misreadings, ...flowFaults];
