import "./port/disposal.js";

export * from "./decode/beam.js";
export * from "./decode/choose.js";
export { refuseUnlessWhole } from "./decode/coverage.js";
export * from "./decode/decode.js";
export { Decoder } from "./decode/decoder.js";
export * from "./decode/model-pair.js";
export * from "./decode/prompts.js";
export * from "./decode/random.js";
export * from "./decode/ranking.js";
export * from "./decode/request.js";
export * from "./decode/score.js";
export { CoreError, type CoreErrorCode } from "./errors.js";
export * from "./explain/explain.js";
export * from "./explain/inspect-position.js";
export * from "./methods/adacad.js";
export * from "./methods/bounded.js";
export * from "./methods/masks.js";
export * from "./methods/method.js";
export * from "./methods/method-description.js";
export * from "./methods/nwcad.js";
export {
  amuletCollapsed,
  amuletLoop,
  closedFormStep,
  extrapolate,
  type Iteration,
  logPolicy,
} from "./methods/policy.js";
export * from "./methods/promptcd.js";
export * from "./methods/transfer.js";
export { checkBackend } from "./port/backend.js";
export { type Columns, impossible } from "./port/columns.js";
export * from "./port/engine.js";
export { type Steps, takeTurns, yieldToHost } from "./port/event-loop.js";
export { describeValue } from "./port/given.js";
export type { SeenMass } from "./port/log-probabilities.js";
export {
  checkPrompt,
  type PrefillOptions,
  type PrefillProgress,
  prefill,
  readPositions,
  throwIfAborted,
} from "./port/reading.js";
export * from "./port/session.js";
export {
  areGiven,
  describeGiven,
  type GivenPolicy,
  type GivenRow,
  maskedRows,
  type WeighedRows,
} from "./port/weighed-rows.js";
export type { ScheduledAnswer, ScheduledAnswerOptions } from "./schedule/scheduled-answer.js";
export { Scheduler, type SchedulerBounds, type SchedulerLoad } from "./schedule/scheduler.js";
export { type CoSteerParameters, coSteerScale, paperCoSteer } from "./strength/costeer.js";
export * from "./strength/solve-strength.js";
export {
  type AmuletParameters,
  checkParameters,
  guidanceLimit,
  guidanceScale,
  guidanceTrajectory,
  largestStrength,
  mostIterations,
  paperLinearAlignmentRatio,
  paperParameters,
  type StrengthNames,
  strengthNames,
} from "./strength/strength.js";
export * from "./strength/strength-schedule.js";
export * from "./text/answer-scheduled.js";
export * from "./text/chat.js";
export * from "./text/generate.js";
export type { Answer, AnswerOptions, AnswerPiece, CommonOptions } from "./text/growing-answer.js";
export * from "./text/render-question.js";
