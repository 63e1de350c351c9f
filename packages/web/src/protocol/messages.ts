/** What page and worker say to each other. Every call has a number, which all messages about it carry. */
import type { Precision } from "@amulet-ts/backends";
import type {
  AnswerPiece,
  AnswerScore,
  ChatMessage,
  ChatPrompt,
  EngineBackend,
  ExplainOptions,
  MethodDescription,
  PrefillProgress,
  Question,
  ReportedRows,
  SamplingOptions,
  WeightedPreference,
  WeightedQuestion,
} from "@amulet-ts/core";
import type { BlobFolder, ModelNeeds } from "@amulet-ts/models/browser";
import type { SentError } from "./error-transfer.js";

export interface OpenOrder {
  /** URLs are whole ones. */
  readonly model: string | Blob | BlobFolder;
  readonly backend?: string;
  readonly precision?: Precision;
  readonly wasmFolder?: string;
}

/** What a page is told of the engine in the worker. */
export interface EngineFacts {
  readonly name: string;
  readonly family: string;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly endTokens: readonly number[];
  readonly source: string;
  readonly backend: EngineBackend;
  readonly parameterCount: number;
  readonly notes: readonly string[];
  readonly loadMs: number;
}

/** What to answer and how: core's options as far as they are data. */
export type AnswerOrder = (Question | WeightedQuestion) &
  SamplingOptions & {
    /** One answer, which is the default method's where none is named; or several, side by side in one batch. */
    readonly method?: MethodDescription;
    readonly methods?: readonly MethodDescription[];
    /** Strengths by token instead of a method, `1:0..8, 5.6:8..`. */
    readonly strengthSchedule?: string;
    /** Token ids that the answer has already, whoever wrote them: it is what comes behind them that is answered. */
    readonly begun?: readonly number[];
    /** Default 128. */
    readonly maxNewTokens?: number;
    readonly stop?: readonly string[];
    readonly explain?: boolean | ExplainOptions;
    /** Tells with every token both prompts' log-policies over the vocabulary. */
    readonly reportRows?: boolean;
  };

export type RowsOrder = (Question | WeightedQuestion) & {
  /** Token ids of an answer, whoever wrote it. */
  readonly answer: readonly number[];
};

/** One place of an answer that is there already. */
export interface AnswerPlace extends ReportedRows {
  /** 0 is the first token's. */
  readonly position: number;
  /** The answer's token here; absent behind the last one. */
  readonly id?: number;
}

export interface ScoreOrder extends Question {
  readonly answer: readonly number[];
  readonly methods: readonly MethodDescription[];
}

/** What changes between two tokens of an answer that is under way. */
export interface AnswerChange {
  readonly method?: MethodDescription;
  readonly preferences?: readonly WeightedPreference[];
}

/** Tensors in the worker. */
export interface WorkerMemory {
  readonly numTensors: number;
  readonly numBytes: number;
}

/** What can be asked of a worker: what goes there, what comes in pieces, what comes at the end. */
export interface Operations {
  open: { order: OpenOrder; piece: never; value: EngineFacts };
  needs: { order: OpenOrder; piece: never; value: ModelNeeds };
  generate: { order: AnswerOrder; piece: AnswerPiece; value: undefined };
  readRows: { order: RowsOrder; piece: AnswerPlace; value: undefined };
  score: { order: ScoreOrder; piece: never; value: AnswerScore[] };
  renderChat: { order: readonly ChatMessage[]; piece: never; value: ChatPrompt };
  encode: { order: { text: string; parseSpecial?: boolean }; piece: never; value: readonly number[] };
  decode: { order: readonly number[]; piece: never; value: string };
  pieces: { order: readonly number[]; piece: never; value: string[] };
  memory: { order: undefined; piece: never; value: WorkerMemory };
}

export type OperationName = keyof Operations;

export type ToWorker =
  | {
      readonly type: "call";
      readonly call: number;
      readonly name: OperationName;
      readonly order: unknown;
    }
  | {
      readonly type: "change";
      readonly call: number;
      readonly change: AnswerChange;
      /** Which of several answers; all of them where it is absent. */
      readonly index?: number;
    }
  | { readonly type: "abort"; readonly call: number };

export type FromWorker =
  | { readonly type: "piece"; readonly call: number; readonly value: unknown }
  | { readonly type: "progress"; readonly call: number; readonly value: PrefillProgress }
  | { readonly type: "end"; readonly call: number; readonly value: unknown }
  | { readonly type: "error"; readonly call: number; readonly error: SentError };
