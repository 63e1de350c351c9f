/** `--delta-model`: an answer of one model, steered by what the preference changes for another. */
import { type ChatModel, type Engine, pairModels, pairPrompts } from "@amulet-ts/core";
import { usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { openModel } from "../../options/model.js";
import { type Asked, type ReadPrompts, renderPrompts } from "../../options/prompts.js";
import type { GenerateValues } from "./command.js";

/** Who answers, and what it reads. */
export interface Answerer {
  readonly model: ChatModel;
  readonly read: ReadPrompts;
}

/** The second model, where one was named. @throws what {@link openModel} throws */
export async function openDeltaModel(values: GenerateValues, io: Io): Promise<Engine | undefined> {
  const model = values["delta-model"];
  if (model === undefined) return undefined;
  return openModel({ ...values, model }, io);
}

/**
 * The model as it is, or both as one: the first reads the question, the second one question and preference.
 *
 * @throws CliError `usage` for prompts as ids, and for models of different tokens
 */
export function chooseAnswerer(engine: Engine, other: Engine | undefined, asked: Asked): Answerer {
  if (!other) return { model: engine.model, read: renderPrompts(engine.model, asked) };
  if (asked.kind === "ids") throw usageError("--delta-model takes a question in words, not prompts as ids.");
  checkSameTokens(engine, other);
  const pair = { large: engine.model, small: other.model };
  const { negativePrompt: _, ...plain } = asked.question;
  const { prompts } = renderPrompts(engine.model, {
    kind: "question",
    question: { ...plain, preferences: [] },
  });
  const small = renderPrompts(other.model, asked);
  const { large } = pair;
  const model: ChatModel = {
    ...pairModels(pair),
    renderChat: (messages) => large.renderChat(messages),
    textStream: () => large.textStream(),
  };
  const { base, preferences = [] } = pairPrompts(pair, prompts.base, small.prompts);
  const weighted = preferences.map(({ tokens, weight = 1 }) => ({ tokens, weight }));
  return { model, read: { ...small, prompts: { base, preferences: weighted } } };
}

/** Δ adds up token by token: a number must mean the same to both. */
function checkSameTokens(engine: Engine, other: Engine): void {
  const [ours, theirs] = [engine, other].map(({ tokenizer }) => tokenizer) as [
    Engine["tokenizer"],
    Engine["tokenizer"],
  ];
  const count = Math.min(engine.model.vocabularySize, other.model.vocabularySize);
  for (let id = 0; id < count; id++) {
    const [one, another] = [pieceOf(ours, id), pieceOf(theirs, id)];
    if (one === another) continue;
    throw usageError(
      `--delta-model must have the tokens of --model: number ${id} is ${JSON.stringify(one)} in ${engine.model.name} and ` +
        `${JSON.stringify(another)} in ${other.model.name}. Take another model of the same family.`,
    );
  }
}

/** A vocabulary may have more logits than tokens. */
function pieceOf(tokenizer: Engine["tokenizer"], id: number): string | undefined {
  try {
    return tokenizer.piece(id);
  } catch {
    return undefined;
  }
}
