/** What `compare` knows of its answers so far, and how each is shown. */
import type { Answer, AnswerPiece } from "@amulet-ts/core";
import type { Judgement } from "@amulet-ts/lab";
import type { Colors } from "picocolors/types.js";
import type { ComparedMethod } from "../../options/methods.js";
import type { Column } from "../../terminal/columns.js";
import { formatScores } from "../../terminal/format-scores.js";
import { markNewWords } from "../../terminal/new-words.js";
import { formatCount, formatNumber } from "../../terminal/output.js";
import { printable } from "../../terminal/printable.js";
import type { Stopwatch } from "../../timing.js";

interface Entry extends ComparedMethod {
  text: string;
  tokens: number;
  answer: Answer | undefined;
}

/** Answers to one question by several methods, the base prompt's first: the one that the others are held against. */
export class Comparison {
  readonly entries: readonly Entry[];

  constructor(
    methods: readonly ComparedMethod[],
    private readonly stopwatch: Stopwatch,
    private readonly colors: Colors,
    private readonly judge?: (answer: string) => Judgement,
  ) {
    this.entries = methods.map((compared) => ({ ...compared, text: "", tokens: 0, answer: undefined }));
  }

  add({ index, text, id, answer }: AnswerPiece): void {
    const entry = this.entries[index]!;
    entry.text += printable(text);
    if (id !== undefined) entry.tokens++;
    if (answer) entry.answer = answer;
    this.stopwatch.note(index, id !== undefined);
  }

  column(index: number): Column {
    return { heading: this.heading(index), body: this.body(index), footer: this.footer(index) };
  }

  heading(index: number): string {
    const { method, dial } = this.entries[index]!;
    return `${this.colors.bold(method.name)}${this.colors.dim(`  ${dial}`)}`;
  }

  /** Words are marked once the base prompt's answer is whole; until then nobody knows which are new. */
  body(index: number): string {
    const [base] = this.entries;
    const text = this.entries[index]!.text.trim();
    if (index === 0 || base?.answer === undefined) return text;
    return markNewWords(text, base.text, this.colors.green);
  }

  /** Lines that the highest footer will have once its answer is whole. */
  get footerRows(): number {
    return 1 + this.scores("").length;
  }

  /** How long the answer is and, once it is whole, its scores. */
  footer(index: number): string[] {
    const { text, tokens, answer } = this.entries[index]!;
    const speed = this.stopwatch.tokensPerSecond(index);
    const end = answer === undefined ? "…" : answer.finishReason === "length" ? ", cut here" : "";
    const rate = speed > 0 ? `, ${formatNumber(speed)}/s` : "";
    const scores = answer === undefined ? [] : this.scores(text.trim());
    return [this.colors.dim(`${formatCount(tokens, "token")}${rate}${end}`), ...scores];
  }

  private scores(text: string): string[] {
    return this.judge ? formatScores(this.judge(text)) : [];
  }
}
