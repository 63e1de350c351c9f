/** The grammar of this world: answers sentence by sentence, and questions. */
import { frames, questionFrames, type Slot, slots, type Voice } from "./frames.js";
import {
  type Derivation,
  derive,
  type Grammar,
  type Production,
  productionOf,
  recognise,
  write,
} from "./grammar.js";
import { preferenceNames } from "./preferences.js";
import { topics } from "./topics.js";

export const voices: readonly Voice[] = ["neutral", ...preferenceNames];

/** The kinds of sentences of an answer, in the order of the productions of `<sentence>`. */
const kinds: readonly { readonly slot: Slot; readonly voice: Voice }[] = slots.flatMap((slot) =>
  voices.filter((voice) => frames[voice][slot].length > 0).map((voice) => ({ slot, voice })),
);

export const language: Grammar = new Map<string, readonly Production[]>([
  ["sentence", kinds.map(({ slot, voice }) => [{ symbol: symbolOf(slot, voice) }])],
  ...kinds.map(({ slot, voice }): [string, Production[]] => [
    symbolOf(slot, voice),
    frames[voice][slot].map(productionOf),
  ]),
  ["topic", topics.map(({ name }) => [name])],
  ["statement", topics.flatMap(({ statements }) => statements.map((text) => [text]))],
  ["tip", topics.flatMap(({ tips }) => tips.map((text) => [text]))],
  ["question", [...questionFrames.map(productionOf), ...topics.map(({ question }) => [question])]],
]);

/** What a sentence fills its blank with: places in the lists of topics, of all statements or of all tips. */
export type Filling = Readonly<Partial<Record<"topic" | "statement" | "tip", number>>>;

/** A sentence of an answer, as the grammar reads it. */
export interface ReadSentence {
  readonly slot: Slot;
  readonly voice: Voice;
  /** The topic whose fact it states; undefined where it states none. */
  readonly factTopic?: number;
}

/** Facts of each kind that a topic has. */
export const factCounts = { statement: 4, tip: 3 } as const;

/** @param wording place in the list of wordings of this slot and voice */
export function writeSentence(slot: Slot, voice: Voice, wording: number, filling: Filling): string {
  const symbol = symbolOf(slot, voice);
  const choose = (asked: string) => (asked === symbol ? wording : (filling[asked as keyof Filling] ?? 0));
  return write(language, derive(language, symbol, choose));
}

/** What a sentence is, or undefined if the grammar can't produce it. */
export function readSentence(text: string): ReadSentence | undefined {
  const derivation = recognise(language, "sentence", text)[0];
  if (derivation === undefined) return undefined;
  const factTopic = factTopicOf(derivation.children[0]!);
  return { ...kinds[derivation.choice]!, ...(factTopic === undefined ? {} : { factTopic }) };
}

function factTopicOf({ children }: Derivation): number | undefined {
  for (const { symbol, choice } of children) {
    if (symbol === "statement" || symbol === "tip") return Math.floor(choice / factCounts[symbol]);
  }
  return undefined;
}

/** The questions about a topic: its own last. */
export function questionsAbout(topic: number): string[] {
  const common = questionFrames.map((_, wording) =>
    write(
      language,
      derive(language, "question", (symbol) => (symbol === "topic" ? topic : wording)),
    ),
  );
  return [...common, topics[topic]!.question];
}

/** The topic that a question is about, or undefined if it is none of this world's questions. */
export function topicOfQuestion(question: string): number | undefined {
  const derivation = recognise(language, "question", question)[0];
  if (derivation === undefined) return undefined;
  return derivation.children[0]?.choice ?? derivation.choice - questionFrames.length;
}

function symbolOf(slot: Slot, voice: Voice): string {
  return `${slot}, ${voice}`;
}
