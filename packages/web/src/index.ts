/** The page's side: opens a model in a worker and asks it. */
export type { MaskDescription, MethodDescription } from "@amulet-ts/core";
export type { ModelNeeds } from "@amulet-ts/models/browser";
export { WebError, type WebErrorCode } from "./errors.js";
export * from "./page/engine.js";
export type { AnswerStream, PieceStream } from "./page/stream.js";
export type { CallOptions, WorkerLike } from "./page/wire.js";
export type {
  AnswerChange,
  AnswerOrder,
  AnswerPlace,
  RowsOrder,
  ScoreOrder,
  WorkerMemory,
} from "./protocol/messages.js";
