/**
 * Every function that core and models export, with arguments that are right: what is wrong is put in their place. Options
 * are all given, so that each of them is tried.
 */
import * as core from "@amulet-ts/core";
import * as models from "@amulet-ts/models";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";
import * as tf from "@tensorflow/tfjs-core";
import type { Draws } from "./values.js";

export interface Call {
  /** NaN is an answer: of weights that float64 can't tell apart. */
  readonly mayBeNaN?: boolean;
  /** Right arguments. Tensors among them are the case's. */
  args(draws: Draws): readonly unknown[];
  /** Where it is more than the function itself, as for classes. */
  run?(...args: never[]): unknown;
}

const V = 5;
const rows = (draws: Draws) => draws.keep(core.logPolicy(draws.keep(tf.randomNormal<tf.Rank.R2>([2, V]))));
const pair = (draws: Draws) => [rows(draws), rows(draws)];
const toy = () =>
  new ToyModel((row) => Array.from({ length: V }, (_, i) => Math.sin(i + row.length)), V, new Set([4]), 12);

const parameters = { iterations: 5, alpha: 2, lambda: 2, eta: 10 };
const weights = { iterations: 5, alpha: 2, lambda: 2, eta: 10, beta: 1 };
const reading = () => ({ signal: new AbortController().signal, onProgress: () => {} });
const sampling = {
  logitBias: { 2: 0.5 },
  bannedTokens: [3],
  minNewTokens: 1,
  repetitionPenalty: 1.1,
  presencePenalty: 0.1,
  frequencyPenalty: 0.1,
  temperature: 0.7,
  topK: 3,
  topP: 0.9,
  minP: 0.01,
  seed: 3,
};

function chatModel() {
  const model = toy();
  return Object.assign(model, {
    renderChat: () => ({ prompt: "", ids: [1, 2] }),
    textStream: () => ({ push: (id: number) => String(id), flush: () => "" }),
  });
}

const question = () => ({
  question: "How?",
  preference: "Be brief.",
  negativePrompt: "Be long.",
  system: "You answer.",
  preferenceIn: "question",
});
const prompts = () => ({ base: [1, 2], preference: [1, 3] });
const weighted = () => ({
  base: [1, 2],
  preferences: [
    { tokens: [1, 3], weight: 1 },
    { tokens: [2], weight: -1 },
  ],
});
const request = () => ({
  ...weighted(),
  method: core.amuletMethod(parameters),
  choose: core.createChooser(sampling),
  maxNewTokens: 3,
  stopAfter: () => false,
  beforeToken: () => undefined,
  explain: { alternatives: 2 },
  reportDrift: true,
  reportRows: true,
});
const answering = () => ({
  ...sampling,
  ...reading(),
  maxNewTokens: 3,
  stop: ["x"],
  explain: { alternatives: 2 },
  reportRows: true,
  beforeToken: () => undefined,
});
const policyRows = () => ({
  logBase_C: [-1, -1.1, -1.2],
  logPreference_C: [-1.2, -1, -1.1],
  logPolicy_C: [-1.1, -1.2, -1],
});

const withSession =
  (use: (session: core.Session, ...args: never[]) => unknown) =>
  async (...args: never[]) => {
    const session = toy().openSession(1);
    try {
      return await use(session, ...args);
    } finally {
      await session.dispose();
    }
  };

const config = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 7,
  hidden_size: 4,
  intermediate_size: 6,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 16,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  hidden_act: "silu",
};

/** A forward pass that computes nothing. A class, as whoever wants one gets it from a model: nothing inside is spoiled. */
class NoPass {
  forward({ ids_N }: { ids_N: Int32Array }, caches: readonly { length: number }[]) {
    return {
      states_ND: tf.zeros([ids_N.length, 3]),
      caches: caches.map((cache) => ({ ...cache, length: cache.length + 1 })),
    };
  }

  head(states_ND: tf.Tensor2D) {
    return tf.tidy(() => tf.tile(tf.slice(states_ND, [0, 0], [-1, 1]), [1, 7]));
  }

  dispose() {}
}

export const coreCalls: Record<string, Call> = {
  CoreError: { args: () => [], run: () => new core.CoreError("bad-request", "why") },
  Decoder: {
    args: () => [toy(), reading(), request()],
    async run(model: core.LanguageModel, options: core.PrefillOptions, asked: core.DecodeRequest) {
      const decoder = new core.Decoder(model, options);
      try {
        decoder.join(asked);
        decoder.leave(7);
        while (!decoder.isIdle) await decoder.step();
      } finally {
        await decoder.dispose();
      }
    },
  },
  Scheduler: {
    args: () => [
      toy(),
      { parallel: 2, waiting: 3, heldTokens: 100, prefixTokens: 50 },
      request(),
      { signal: new AbortController().signal, onPlace: () => {} },
    ],
    async run(
      model: core.LanguageModel,
      bounds: core.SchedulerBounds,
      asked: core.DecodeRequest,
      options: core.ScheduledAnswerOptions,
    ) {
      const scheduler = new core.Scheduler(model, bounds);
      try {
        for await (const _ of scheduler.answer(asked, options));
      } finally {
        await scheduler.dispose();
      }
    },
  },
  adaCadMethod: { args: () => [0.3] },
  addToChat: { args: () => [[{ role: "user", content: "How?" }], "Be brief.", "question"] },
  alphaFor: { args: () => [3, parameters] },
  amuletCollapsed: { args: (draws) => [...pair(draws), parameters] },
  amuletExactMethod: { args: () => [parameters] },
  amuletLoop: { args: (draws) => [...pair(draws), parameters, () => {}] },
  amuletMethod: { args: () => [parameters] },
  answerPrompts: {
    args: () => [chatModel(), weighted(), [core.baseMethod(), core.amuletMethod()], answering()],
  },
  answerScheduled: {
    args: () => {
      const { onProgress: _, ...options } = answering();
      return [chatModel(), weighted(), core.amuletMethod(), { ...options, onPlace: () => {} }];
    },
    async run(
      model: core.ChatModel,
      prompts: core.Prompts,
      method: core.Method,
      options: core.ScheduledTextOptions,
    ) {
      const scheduler = new core.Scheduler(chatModel());
      try {
        await drain(core.answerScheduled(scheduler, model, prompts, method, options));
      } finally {
        await scheduler.dispose();
      }
    },
  },
  applyMethod: { args: (draws) => [{ ...core.amuletMethod() }, ...pair(draws)] },
  describeGiven: {
    args: () => [{ logs_C: [-0.1, -3, -4], logMost: -4 }, { logs_C: [-0.2, -2, -5], logMost: -5 }, 1e-4],
  },
  areGiven: { args: () => [{ share: 0.1 }, { logBest: -1, logMost: -9, massAbove: 0.9 }] },
  argMax: { args: () => [[1, 3, 2]] },
  baseMethod: { args: () => [] },
  beamSearch: {
    args: () => [
      toy(),
      [1, 2],
      { ...reading(), beams: 2, lengthPenalty: 1, maxNewTokens: 3, earlyStopping: false, onBest: () => {} },
    ],
  },
  boundedMethod: { args: () => [0.5, parameters] },
  budgetReserve: { args: () => [0.5, 100] },
  checkBackend: { args: () => [] },
  checkParameters: { args: () => [parameters] },
  checkPrompt: { args: () => [toy(), [1, 2], "base"] },
  chooseGreedily: { args: () => [Float32Array.of(-1, -2)] },
  closedFormStep: {
    args: (draws) => [
      { meanUtility_BV: rows(draws), logReference_BV: rows(draws), logCurrent_BV: rows(draws) },
      1,
      parameters,
    ],
  },
  coSteerMethod: { args: () => [weights] },
  coSteerScale: { mayBeNaN: true, args: () => [weights] },
  createChooser: {
    args: () => [sampling, Float32Array.of(-1, -2, -1.5, -3), { generated: [1], endTokens: new Set([2]) }],
    run: (options: core.SamplingOptions, row: Float32Array, context: core.ChoiceContext) =>
      core.createChooser(options)(row, context),
  },
  decode: { args: () => [toy(), [request(), request()], reading()] },
  describeValue: { args: () => ["a text"] },
  etaFor: { args: () => [1.2, parameters] },
  explainToken: { args: () => [1, policyRows(), { alternatives: 2 }, 0.5] },
  extrapolate: { args: (draws) => [...pair(draws), 2] },
  extrapolateWithin: { args: (draws) => [...pair(draws), { nats: 0.5, largestGamma: 3 }] },
  generate: { args: () => [chatModel(), { ...question(), ...answering(), method: core.amuletMethod() }] },
  guidanceLimit: { args: () => [parameters] },
  guidanceMethod: { args: () => [2, "name"] },
  guidanceScale: { mayBeNaN: true, args: () => [parameters] },
  guidanceTrajectory: { args: () => [parameters] },
  inspectPosition: {
    args: () => [toy(), { ...reading(), prompts: prompts(), parameters, position: 1, alternatives: 2 }],
  },
  iterationsFor: { args: () => [3, parameters] },
  lambdaFor: { args: () => [3, parameters] },
  largestGammaWithin: { args: (draws) => [...pair(draws), { nats: 0.5, largestGamma: 3 }] },
  linearAlignmentMethod: { args: () => [2] },
  logPolicy: { args: (draws) => [rows(draws)] },
  makeMethod: {
    args: () => [{ name: "bounded", nats: 0.2, parameters, minP: 0.1, plausibility: 0.8, topNSigma: 1 }],
  },
  maskedRows: { args: () => [[1, 2]] },
  nwcadMethod: {
    args: () => [{ divergence: 0.05, baseMargin: 0.5, preferenceMargin: 0.5 }, { ...core.amuletMethod() }],
  },
  pairModels: { args: () => [{ large: toy(), small: toy() }] },
  pairPrompts: { args: () => [{ large: toy(), small: toy() }, [1, 2], weighted()] },
  preferenceChats: { args: () => [question()] },
  preferenceMethod: { args: () => [] },
  prefill: {
    args: () => [[[1, 2]], reading()],
    run: withSession((session, ...args) => core.prefill(session, ...(args as [never]))),
  },
  promptCdMethod: { args: () => [0.5, 0.1] },
  readExplainOptions: { args: () => [{ alternatives: 3 }] },
  readPositions: {
    args: () => [[1, 2, 3], reading()],
    run: withSession((session, ...args) => drain(core.readPositions(session, ...(args as [never])))),
  },
  readPreferences: { args: () => [weighted()] },
  refuseUnlessWhole: { args: () => [toy(), "a beam search"] },
  renderPrompts: { args: () => [chatModel(), question(), "both"] },
  renderQuestion: { args: () => [chatModel(), question()] },
  scoreAnswer: {
    args: () => [toy(), prompts(), [1, 2, 3], [core.amuletMethod(), core.baseMethod()], reading()],
  },
  solveStrength: { args: () => [3, parameters] },
  strengthNames: { args: () => [{ gamma: 2 }] },
  strengthSchedule: { args: () => ["1:0..8, 5.6:8.."] },
  throwIfAborted: { args: () => [new AbortController().signal, "The answer"] },
  topK: { args: () => [[1, 3, 2], 2] },
  transferDelta: { args: (draws) => [rows(draws), rows(draws), rows(draws)] },
  withMinP: { args: () => [{ ...core.amuletMethod() }, 0.1] },
  takeTurns: { args: () => [generated()] },
  withPlausibility: { args: () => [{ ...core.amuletMethod() }, 0.8] },
  withTopNSigma: { args: () => [{ ...core.amuletMethod() }, 1] },
  xoshiro128: { args: () => [3] },
  yieldToHost: { args: () => [] },
};

function* generated() {
  yield;
  return 1;
}

/** @param path a model's file */
export function modelsCalls(path: string): Record<string, Call> {
  return {
    ModelError: { args: () => [], run: () => new models.ModelError("bad-token", "why") },
    checkConfig: { args: () => [config, "config.json"] },
    checkRewardConfig: {
      args: () => [{ ...config, architectures: ["LlamaForSequenceClassification"] }, "config.json"],
    },
    defineModel: { args: () => [config, "config.json"] },
    emptyCache: { args: () => [3] },
    fastProducts: { args: () => [] },
    loadModel: {
      args: () => [
        path,
        {
          ...reading(),
          weights: "float32",
          memory: { limitBytes: 2 ** 32, matrixCopies: 2, tensorLimitBytes: 2 ** 30 },
        },
      ],
    },
    loadRewardModel: { args: () => [path, { ...reading(), weights: "float32" }] },
    openTensorSession: {
      args: () => [
        new NoPass(),
        { vocabularySize: 7, contextLength: 9, blockCount: 1 },
        2,
        [[1], [2, 3]],
        [1, 0, 1],
        [1, 0, 1],
      ],
      run(...[of, sizes, count, tokens, chosen, lengths]: never[]) {
        const session = models.openTensorSession(of!, sizes!, count!);
        try {
          session.append(tokens!).dispose();
          session.select(chosen!);
          session.rewind(lengths!);
          tf.dispose(session.appendAll(tokens!));
          session.fork(chosen!).dispose();
        } finally {
          session.dispose();
        }
      },
    },
  };
}

/** All that a generator gives, up to some fifty. */
export async function drain(values: AsyncIterable<unknown>): Promise<void> {
  let count = 0;
  for await (const value of values) {
    tf.dispose(value as tf.TensorContainer);
    if (++count === 50) break;
  }
}
