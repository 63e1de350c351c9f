/** One request under way: what it reads now, and what it has said so far. */

import { CoreError } from "../errors.js";
import type { Method } from "../methods/method.js";
import { preferenceCoefficients } from "../methods/mixture.js";
import { checkPrompt } from "../port/prefill.js";
import type { LanguageModel, TokenRow } from "../port/session.js";
import type { DecodeRequest } from "./decode.js";
import { readPreferences, type WeightedPrompt } from "./prompts.js";

export type EndReason = "stop" | "length";

export class AnswerInProgress {
  readonly generated: number[] = [];
  ended: EndReason | undefined;
  method: Method;
  /** The prompts of its session rows, in their order: the base prompt where it is read, then the preferences. */
  prompts: readonly TokenRow[] = [];
  /** First of its rows in the session. */
  firstRow = 0;
  private preferences: readonly Required<WeightedPrompt>[];

  constructor(
    private readonly model: LanguageModel,
    readonly request: DecodeRequest,
    readonly index: number,
  ) {
    checkMaxNewTokens(request.maxNewTokens);
    this.method = request.method;
    this.preferences = readPreferences(request);
    this.planPrompts();
    this.askForChange();
  }

  /** Lets the request change its method or preferences. `prompts` stays the same array where it need not change. */
  askForChange(): void {
    const change = this.request.beforeToken?.(this.generated);
    if (!change) return;
    this.method = change.method ?? this.method;
    if (change.preferences) this.preferences = readPreferences(change);
    this.planPrompts();
  }

  /** Its preference policy is not one row as it is: several are added up, or one of another weight than 1. */
  get isMixture(): boolean {
    return this.readsPreferences && this.preferences.some(({ weight }, k) => k > 0 || weight !== 1);
  }

  /** The base policy as coefficients of all R session rows. */
  baseCoefficients(R: number): number[] {
    return this.amongRows([1], R);
  }

  /** The preference policy as coefficients of all R session rows; a mixture is still to be normalised. */
  preferenceCoefficients(R: number): number[] {
    if (this.prompts.length === 1) return this.amongRows([1], R);
    return this.amongRows(preferenceCoefficients(this.preferences.map(({ weight }) => weight)), R);
  }

  /** Takes the token that was chosen; sets `ended` where it was the last one. */
  accept(id: number): void {
    this.generated.push(id);
    const longest = Math.max(...this.prompts.map((prompt) => prompt.length)) + this.generated.length;
    const isFull = this.generated.length >= this.request.maxNewTokens || longest >= this.model.contextLength;
    this.ended = this.request.stopAfter?.(id) ? "stop" : isFull ? "length" : undefined;
  }

  private amongRows(coefficients: readonly number[], R: number): number[] {
    const row: number[] = Array(R).fill(0);
    for (const [i, value] of coefficients.entries()) row[this.firstRow + i] = value;
    return row;
  }

  private get readsPreferences(): boolean {
    return this.method.reads !== "base" || Boolean(this.request.explain);
  }

  private get readsBase(): boolean {
    return this.method.reads !== "preference" || Boolean(this.request.explain) || this.isMixture;
  }

  /** A prompt that neither the method nor the mixture nor the explanation reads is not computed. */
  private planPrompts(): void {
    const preferences = this.readsPreferences ? this.preferences.map(({ tokens }) => tokens) : [];
    if (this.readsPreferences && preferences.length === 0) throw noPreference(this.method);
    const prompts = this.readsBase ? [this.request.base, ...preferences] : preferences;
    if (prompts.length === this.prompts.length && prompts.every((row, i) => isSame(row, this.prompts[i]!))) {
      return;
    }
    if (this.readsBase) this.checkPrompt(this.request.base, "base");
    for (const [k, prompt] of preferences.entries()) {
      this.checkPrompt(prompt, preferences.length === 1 ? "preference" : `preference (${k + 1})`);
    }
    this.prompts = prompts;
  }

  /** With the answer so far: a longer preference may come when there is no room left for it. */
  private checkPrompt(prompt: TokenRow, name: string): void {
    checkPrompt(this.model, prompt.length === 0 ? prompt : [...prompt, ...this.generated], name);
  }
}

const isSame = (a: TokenRow, b: TokenRow) => a.length === b.length && a.every((id, i) => id === b[i]);

function checkMaxNewTokens(maxNewTokens: number): void {
  if (Number.isInteger(maxNewTokens) && maxNewTokens >= 1) return;
  throw new CoreError(
    "bad-request",
    `maxNewTokens must be a whole number of at least 1; it is ${maxNewTokens}.`,
  );
}

function noPreference({ name }: Method): CoreError {
  return new CoreError(
    "bad-request",
    `There is no preference prompt, and the method ${name} or its explanation reads one: give preference or preferences.`,
  );
}
