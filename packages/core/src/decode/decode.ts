import type { Tensor2D } from "@tensorflow/tfjs-core";
import {
  type ExplainOptions,
  type Explanation,
  explainToken,
  readExplainOptions,
} from "../explain/explain.js";
import type { Method } from "../methods/method.js";
import { logPolicy } from "../methods/policy.js";
import { type PrefillOptions, throwIfAborted } from "../port/prefill.js";
import type { LanguageModel, Session, TokenRow } from "../port/session.js";
import { changeRows, readRows } from "../port/session-rows.js";
import { AnswerInProgress } from "./answer-in-progress.js";
import type { Choose } from "./choose.js";
import { type PolicyBatch, readPolicies } from "./policy-batch.js";
import type { Prompts, WeightedPrompt } from "./prompts.js";

/** What may change between two tokens of an answer; what is left out stays as it is. */
export interface Change {
  readonly method?: Method;
  readonly preferences?: readonly WeightedPrompt[];
}

/** One answer to generate: its prompts, a method, a way of choosing. */
export interface DecodeRequest extends Prompts {
  readonly method: Method;
  readonly choose: Choose;
  /** A whole number of at least 1. */
  readonly maxNewTokens: number;
  /** Called with every token of the answer; true ends it after this one. */
  readonly stopAfter?: (id: number) => boolean;
  /**
   * Asked before every token, the first included, with the answer so far. What it changes holds from this token on.
   * A new method costs nothing; a new preference is read once, with the answer so far, in the same forward pass as
   * the other rows' next token.
   */
  readonly beforeToken?: (generated: readonly number[]) => Change | undefined;
  /** Explains every token. Both prompts are then computed, whatever the method reads. */
  readonly explain?: boolean | ExplainOptions;
}

/** What {@link decode} yields: tokens as they come, then one end per request. */
export type DecodeEvent =
  | {
      readonly type: "token";
      readonly request: number;
      readonly id: number;
      readonly logProbability: number;
      readonly gamma?: number;
      readonly explanation?: Explanation;
    }
  | { readonly type: "end"; readonly request: number; readonly reason: "stop" | "length" };

/**
 * Generates any number of answers side by side, all rows in one forward pass per token. Prompts that several
 * requests share are read once; an answer that has ended leaves the batch.
 *
 * The end token is not yielded. Leaving the loop early frees everything.
 *
 * @throws CoreError `bad-request`, `context-overflow`, `not-finite`, `aborted`
 */
export async function* decode(
  model: LanguageModel,
  requests: readonly DecodeRequest[],
  options: PrefillOptions = {},
): AsyncGenerator<DecodeEvent, void, void> {
  for (const { explain } of requests) readExplainOptions(explain);
  let answers = requests.map((request, index) => new AnswerInProgress(model, request, index));
  numberRows(answers);
  const { session, logits_RV } = await readRows(model, answers.flatMap(promptsOf), options);
  using _ = session;
  let logs_RV = normalise(logits_RV);
  try {
    while (answers.length > 0) {
      const events = await chooseTokens(answers, logs_RV, model);
      logs_RV.dispose();
      yield* events;
      throwIfAborted(options.signal);
      answers = dropEnded(answers, session);
      if (answers.length > 0) logs_RV = normalise(readNext(answers, session));
    }
  } finally {
    logs_RV.dispose();
  }
}

const promptsOf = ({ prompts }: AnswerInProgress): readonly TokenRow[] => prompts;

/** Says to each answer which session rows are its own. */
function numberRows(answers: readonly AnswerInProgress[]): void {
  let firstRow = 0;
  for (const answer of answers) {
    answer.firstRow = firstRow;
    firstRow += answer.prompts.length;
  }
}

/** Logits that are used up into log-policies. */
function normalise(logits_RV: Tensor2D): Tensor2D {
  const logs_RV = logPolicy(logits_RV);
  logits_RV.dispose();
  return logs_RV;
}

/** One token for every answer; those with the same method are one batch. */
async function chooseTokens(
  answers: readonly AnswerInProgress[],
  logs_RV: Tensor2D,
  model: LanguageModel,
): Promise<DecodeEvent[]> {
  const events: DecodeEvent[] = [];
  for (const group of groupByMethod(answers)) {
    const batch = await readPolicies(group, logs_RV);
    for (const [i, answer] of group.entries()) events.push(...chooseToken(answer, batch, i, model));
  }
  return events.sort((a, b) => a.request - b.request);
}

/** A mixture of preferences is normalised once more; a single row in the same batch would be, and changed by it. */
function groupByMethod(answers: readonly AnswerInProgress[]): AnswerInProgress[][] {
  const groups: AnswerInProgress[][] = [];
  for (const answer of answers) {
    const group = groups.find(
      ([first]) => first!.method === answer.method && first!.isMixture === answer.isMixture,
    );
    if (group) group.push(answer);
    else groups.push([answer]);
  }
  return groups;
}

function chooseToken(
  answer: AnswerInProgress,
  batch: PolicyBatch,
  row: number,
  model: LanguageModel,
): DecodeEvent[] {
  const { request, generated, index } = answer;
  const logPolicy_V = batch.policies[row]!;
  const id = request.choose(logPolicy_V, { generated, endTokens: model.endTokens });
  if (model.endTokens.has(id)) {
    answer.ended = "stop";
    return [{ type: "end", request: index, reason: "stop" }];
  }
  const gamma = batch.gammas?.[row];
  const explanation = explain(answer, batch, row, id);
  const event: DecodeEvent = {
    type: "token",
    request: index,
    id,
    logProbability: logPolicy_V[id]!,
    ...(gamma !== undefined && { gamma }),
    ...(explanation && { explanation }),
  };
  answer.accept(id);
  return answer.ended ? [event, { type: "end", request: index, reason: answer.ended }] : [event];
}

function explain(
  { request, method }: AnswerInProgress,
  { policies, bases, preferences, gammas }: PolicyBatch,
  row: number,
  id: number,
): Explanation | undefined {
  const options = readExplainOptions(request.explain);
  if (!options || !bases || !preferences) return undefined;
  const rows = {
    logBase_V: bases[row]!,
    logPreference_V: preferences[row]!,
    logPolicy_V: policies[row]!,
  };
  const scale = method.guidanceScale;
  return explainToken(id, rows, options, gammas?.[row] ?? (scale === undefined ? undefined : scale - 1));
}

function dropEnded(answers: readonly AnswerInProgress[], session: Session): AnswerInProgress[] {
  const going = answers.filter(({ ended }) => ended === undefined);
  if (going.length === answers.length || going.length === 0) return going;
  session.select(going.flatMap(({ firstRow, prompts }) => prompts.map((_, i) => firstRow + i)));
  numberRows(going);
  return going;
}

/** The logits after every answer's last token; rows whose preference changed are rebuilt in the same pass. */
function readNext(answers: readonly AnswerInProgress[], session: Session): Tensor2D {
  const before = answers.map(promptsOf);
  for (const answer of answers) answer.askForChange();
  if (answers.every(({ prompts }, i) => prompts === before[i])) {
    return session.append(
      answers.flatMap(({ prompts, generated }) => prompts.map(() => generated.slice(-1))),
    );
  }
  numberRows(answers);
  const held = answers.flatMap(({ generated }, i) =>
    before[i]!.map((prompt) => [...prompt, ...generated.slice(0, -1)]),
  );
  const wanted = answers.flatMap(({ prompts, generated }) =>
    prompts.map((prompt) => [...prompt, ...generated]),
  );
  return changeRows(session, held, wanted);
}
