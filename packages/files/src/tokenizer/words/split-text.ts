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

/** The stretches of a text that match and those between them, put together as `behavior` says; none is empty. */
export function splitText(text: string, pattern: RegExp, behavior: Behavior, inverted: boolean): string[] {
  const stretches = stretchesOf(text, pattern, inverted);
  if (behavior === "Removed") return stretches.filter(({ matches }) => !matches).map(({ text }) => text);
  if (behavior === "Isolated") return stretches.map(({ text }) => text);
  return joinStretches(stretches, behavior);
}

function stretchesOf(text: string, pattern: RegExp, inverted: boolean): Stretch[] {
  const stretches: Stretch[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    if (index > end) stretches.push({ text: text.slice(end, index), matches: inverted });
    if (found !== "") stretches.push({ text: found, matches: !inverted });
    end = index + found.length;
  }
  if (end < text.length) stretches.push({ text: text.slice(end), matches: inverted });
  return stretches;
}

type Joining = Exclude<Behavior, "Removed" | "Isolated">;

/** Whether two neighbours are one word. */
const joins: Readonly<Record<Joining, (left: Stretch, right: Stretch) => boolean>> = {
  Contiguous: (left, right) => left.matches === right.matches,
  MergedWithPrevious: (left, right) => right.matches && !left.matches,
  MergedWithNext: (left, right) => left.matches && !right.matches,
};

function joinStretches(stretches: readonly Stretch[], behavior: Joining): string[] {
  const words: string[] = [];
  for (const [i, stretch] of stretches.entries()) {
    const left = stretches[i - 1];
    if (left && joins[behavior](left, stretch)) words[words.length - 1] += stretch.text;
    else words.push(stretch.text);
  }
  return words;
}
