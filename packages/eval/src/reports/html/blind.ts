/** A form for reading blind: two answers without names, in an order that is drawn, and what a person prefers. */
import { xoshiro128 } from "@amulet-ts/core";
import type { AnswerPair } from "./answers.js";
import { escapeHtml } from "./escape.js";

/** Draws `count` of the pairs whose answers differ, each with its sides. */
export function drawBlindForm(
  pairs: readonly AnswerPair[],
  names: readonly [string, string],
  count = 12,
  seed = 0,
): string {
  const random = xoshiro128(seed);
  const left = pairs.filter(({ reference, other }) => reference.answer.text !== other.answer.text);
  const items: string[] = [];
  while (items.length < count && left.length > 0) {
    const [pair] = left.splice(Math.floor(random() * left.length), 1);
    items.push(drawItem(pair!, items.length, random() < 0.5));
  }
  if (items.length === 0) return "<p>No two answers differ: there is nothing to read.</p>";
  return [
    `<form id="blind" data-names="${escapeHtml(JSON.stringify(names))}">`,
    ...items,
    `<p><button type="submit">Count what I preferred</button> <output></output></p></form>`,
  ].join("\n");
}

function drawItem({ reference, other }: AnswerPair, number: number, isSwapped: boolean): string {
  const { question, preference } = other.pair;
  const sides = isSwapped ? [other, reference] : [reference, other];
  const choices = ["A", "tie", "B"].map(
    (choice) =>
      `<label><input type="radio" name="blind-${number}" value="${choice}" data-other="${isSwapped ? "A" : "B"}"> ${choice}</label>`,
  );
  return [
    `<fieldset><legend>${escapeHtml(question)} <em>${escapeHtml(preference)}</em></legend><div class="two">`,
    ...sides.map(
      ({ answer }, i) =>
        `<div><h5>${"AB"[i]}</h5><p class="answer">${escapeHtml(answer.text) || "<em>(empty)</em>"}</p></div>`,
    ),
    `</div><p class="choices">Which follows the wish better and still answers? ${choices.join(" ")}</p></fieldset>`,
  ].join("\n");
}
