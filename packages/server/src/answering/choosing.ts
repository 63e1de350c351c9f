/** How the tokens of an answer are chosen, and what else was probable. */
import { type Choose, createChooser, type SamplingOptions, topK } from "@amulet-ts/core";
import type * as v from "valibot";
import type { choosingFields } from "../protocol/fields.js";

type Asked = { readonly [K in keyof typeof choosingFields]?: v.InferOutput<(typeof choosingFields)[K]> };

/** Greedy unless a temperature is asked for, as everywhere in the house. Draws differ each time unless a seed is given. */
export function readSampling(asked: Asked): SamplingOptions {
  // The fewest tokens whose probability reaches 0: the best alone.
  const isBestAlone = asked.top_p === 0;
  return {
    temperature: asked.temperature ?? 0,
    topK: isBestAlone ? 1 : Math.max(0, asked.top_k ?? 0),
    topP: isBestAlone ? 1 : (asked.top_p ?? 1),
    minP: asked.min_p ?? 0,
    presencePenalty: asked.presence_penalty ?? 0,
    frequencyPenalty: asked.frequency_penalty ?? 0,
    repetitionPenalty: asked.repetition_penalty ?? 1,
    logitBias: asked.logit_bias ?? {},
    seed: asked.seed ?? Math.floor(Math.random() * 2 ** 32),
  };
}

/** Each of several answers to one prompt has draws of its own; the first has those of the seed itself. Of a seed its low 32 bits count. */
export function samplingOf(sampling: SamplingOptions, sample: number): SamplingOptions {
  return { ...sampling, seed: ((sampling.seed ?? 0) | 0) + sample };
}

/** An empty text ends nothing. */
export function readStops(stop: string | readonly string[] | null | undefined): string[] {
  const stops = typeof stop === "string" ? [stop] : (stop ?? []);
  return stops.filter((text) => text !== "");
}

/** A token and its log-probability under the method's policy. */
export interface Candidate {
  readonly id: number;
  readonly logProbability: number;
}

/** A chooser that notes the most probable tokens of each policy that it sees. */
export class NotingChooser {
  readonly choose: Choose;
  private readonly noted: Candidate[][] = [];

  constructor(sampling: SamplingOptions, count: number) {
    const choose = createChooser(sampling);
    this.choose = (logPolicy_C, context) => {
      const idOf = context.columns?.idOf ?? ((column: number) => column);
      const best = topK(logPolicy_C, count);
      this.noted.push(best.map((column) => ({ id: idOf(column), logProbability: logPolicy_C[column]! })));
      return choose(logPolicy_C, context);
    };
  }

  /** What was probable where the next token of the answer was chosen. An end token is chosen too, and asked for by nobody. */
  next(): readonly Candidate[] {
    return this.noted.shift() ?? [];
  }
}
