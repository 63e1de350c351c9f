import { badTokenizer } from "../expect-json.js";

/** What becomes of the matches of a pattern that cuts a text. */
export type Behavior = (typeof behaviors)[number];

const behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;

/** @throws FilesError `bad-tokenizer` */
export function toBehavior(value: unknown, where: string): Behavior {
  const found = behaviors.find((behavior) => behavior === value);
  if (found) return found;
  throw badTokenizer(`${where}.behavior`, behaviors.join(", "), value);
}

interface Stretch {
  readonly text: string;
  readonly matches: boolean;
}

/**
 * The stretches of a text that match and those between them, put together as `behavior` says; none is empty. They are found one
 * after the other, as they are asked for.
 */
export function splitText(
  text: string,
  pattern: RegExp,
  behavior: Behavior,
  inverted: boolean,
): Iterable<string> {
  const stretches = stretchesOf(text, pattern, inverted);
  return behavior === "Removed" || behavior === "Isolated"
    ? textsOf(stretches, behavior === "Removed")
    : joinStretches(stretches, behavior);
}

function* stretchesOf(text: string, pattern: RegExp, inverted: boolean): Iterable<Stretch> {
  let end = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    if (index > end) yield { text: text.slice(end, index), matches: inverted };
    if (found !== "") yield { text: found, matches: !inverted };
    end = index + found.length;
  }
  if (end < text.length) yield { text: text.slice(end), matches: inverted };
}

function* textsOf(stretches: Iterable<Stretch>, isRemoved: boolean): Iterable<string> {
  for (const { text, matches } of stretches) if (!(isRemoved && matches)) yield text;
}

type Joining = Exclude<Behavior, "Removed" | "Isolated">;

/** Whether two neighbours are one word. */
const joins: Readonly<Record<Joining, (left: Stretch, right: Stretch) => boolean>> = {
  Contiguous: (left, right) => left.matches === right.matches,
  MergedWithPrevious: (left, right) => right.matches && !left.matches,
  MergedWithNext: (left, right) => left.matches && !right.matches,
};

function* joinStretches(stretches: Iterable<Stretch>, behavior: Joining): Iterable<string> {
  let word = "";
  let left: Stretch | undefined;
  for (const stretch of stretches) {
    if (left && !joins[behavior](left, stretch)) {
      yield word;
      word = "";
    }
    word += stretch.text;
    left = stretch;
  }
  if (left) yield word;
}
