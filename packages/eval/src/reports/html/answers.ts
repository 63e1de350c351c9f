/** Answers side by side, each token coloured by how far the method's policy is from the preference prompt's there. */
import type { JudgedAnswer } from "../run-cells.js";
import { escapeHtml } from "./escape.js";

/** An answer of the reference and one of the setting that is looked at, to the same question. */
export interface AnswerPair {
  readonly reference: JudgedAnswer;
  readonly other: JudgedAnswer;
  /** Of the first score, `other − reference`. */
  readonly difference: number;
}

/** @returns pairs in ascending order of the difference; of equals, in the order of the run */
export function pairAnswers(
  judged: readonly JudgedAnswer[],
  reference: string,
  other: string,
  score: string,
): AnswerPair[] {
  const references = new Map(
    judged.filter(({ cell }) => cell.setting === reference).map((one) => [one.cell.pair, one]),
  );
  return judged
    .filter(({ cell }) => cell.setting === other)
    .flatMap((one) => {
      const base = references.get(one.cell.pair);
      if (!base) return [];
      return [
        { reference: base, other: one, difference: one.cell.scores[score]! - base.cell.scores[score]! },
      ];
    })
    .sort((a, b) => a.difference - b.difference);
}

/** The worst and the best few; each pair once where there are few. */
export function extremesOf(
  pairs: readonly AnswerPair[],
  count: number,
): { worst: AnswerPair[]; best: AnswerPair[] } {
  const half = Math.min(count, Math.floor(pairs.length / 2));
  return { worst: pairs.slice(0, half), best: pairs.slice(pairs.length - half).reverse() };
}

export function drawAnswerPair(
  { reference, other, difference }: AnswerPair,
  names: readonly [string, string],
): string {
  const { question, preference } = other.pair;
  return [
    `<article class="pair"><h4>${escapeHtml(question)} <em>${escapeHtml(preference)}</em>`,
    `<span class="num">${difference > 0 ? "+" : ""}${difference.toFixed(2)}</span></h4><div class="two">`,
    drawAnswer(reference, names[0]),
    drawAnswer(other, names[1]),
    "</div></article>",
  ].join("\n");
}

function drawAnswer({ answer, cell }: JudgedAnswer, name: string): string {
  const scores = Object.entries(cell.scores).map(
    ([score, value]) => `${escapeHtml(score)} ${value.toFixed(2)}`,
  );
  const facts = [...scores, `${cell.tokens} tokens`, ...(cell.finishReason === "length" ? ["cut"] : [])];
  return `<div><h5>${escapeHtml(name)}</h5><p class="answer">${drawHeat(answer)}</p><p class="facts">${facts.join(" · ")}</p></div>`;
}

/** White at 0 nats, full at 2: what a token is chosen against the preference prompt's own policy. */
function drawHeat({ text, ends, kl }: JudgedAnswer["answer"]): string {
  if (ends.length === 0) return escapeHtml(text);
  const pieces = ends.map((end, i) => {
    const piece = escapeHtml(text.slice(i === 0 ? 0 : ends[i - 1]!, end));
    const nats = kl[i] ?? 0;
    const heat = Math.min(1, Math.max(0, nats) / 2);
    if (piece === "" || heat < 0.005) return piece;
    return `<span data-tip="KL ${nats.toFixed(3)} nats" style="background:rgb(213 94 0/${(0.75 * heat).toFixed(2)})">${piece}</span>`;
  });
  return pieces.join("") + escapeHtml(text.slice(ends.at(-1)!));
}
