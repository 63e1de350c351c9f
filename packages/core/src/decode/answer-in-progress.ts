/** One request under way: what it reads now, and what it has said so far. */

import { CoreError } from "../errors.js";
import { readExplainOptions } from "../explain/explain.js";
import type { Method } from "../methods/method.js";
import { preferenceCoefficients } from "../methods/mixture.js";
import {
  callback,
  checkFields,
  describeValue,
  method as givenMethod,
  list,
  optional,
} from "../port/given.js";
import { commonLength } from "../port/prefix-cache.js";
import { checkPrompt } from "../port/reading.js";
import type { LanguageModel, TokenRow } from "../port/session.js";
import type { SharedRow, SharedRows } from "../port/shared-rows.js";
import type { ChoiceContext } from "./choose.js";
import { checkCoverage, refuseUnlessWhole } from "./coverage.js";
import { readPreferences, type WeightedPrompt } from "./prompts.js";
import type { DecodeRequest, EndReason } from "./request.js";

export class AnswerInProgress {
  private readonly said: number[] = [];
  private reason: EndReason | undefined;
  private method: Method;
  private preferences: readonly Required<WeightedPrompt>[];
  /** What it reads: the base prompt where it is read, then the preferences. */
  private prompts: readonly TokenRow[] = [];
  /** A row for each of the prompts. */
  private rows: readonly SharedRow[] = [];
  /** While what its prompts have in common is read, once for all of them, this is its only row. */
  private isAtStem = false;

  /** @param index the request's number, which its events carry */
  constructor(
    private readonly model: LanguageModel,
    readonly request: DecodeRequest,
    readonly index: number,
    private readonly shared: SharedRows,
  ) {
    checkRequest(request);
    readExplainOptions(request.explain);
    this.method = request.method;
    this.preferences = readPreferences(request);
    this.planPrompts();
    this.askForChange();
    this.beginPrompts();
  }

  /** Why it has ended, if it has. */
  get ended(): EndReason | undefined {
    return this.reason;
  }

  get currentMethod(): Method {
    return this.method;
  }

  /** The rows that the next pass must read for it, or that the last one has read. */
  get sharedRows(): readonly SharedRow[] {
    return this.rows;
  }

  /** Whether its prompts are read to their ends, so that its next token can be chosen. */
  get isReady(): boolean {
    return !this.isAtStem && this.rows.every(({ isRead }) => isRead);
  }

  /** How many tokens its prompts have, and with them its rows at the end. */
  get size(): { readonly prompts: number; readonly rows: number } {
    const prompts = this.prompts.reduce((sum, { length }) => sum + length, 0);
    return { prompts, rows: prompts + this.prompts.length * this.request.maxNewTokens };
  }

  /** What a choice may look at besides the policy. */
  get context(): Pick<ChoiceContext, "generated" | "endTokens"> {
    return { generated: this.said, endTokens: this.model.endTokens };
  }

  /** Its preference policy is not one row as it is: several are added up, or one of another weight than 1. */
  get isMixture(): boolean {
    return this.readsPreferences && this.preferences.some(({ weight }, k) => k > 0 || weight !== 1);
  }

  /** The base policy as coefficients of the R rows of the last pass. */
  baseCoefficients(R: number): number[] {
    return this.amongRows([1], R);
  }

  /** The preference policy as coefficients of the R rows of the last pass; a mixture is still to be normalised. */
  preferenceCoefficients(R: number): number[] {
    if (this.prompts.length === 1) return this.amongRows([1], R);
    return this.amongRows(preferenceCoefficients(this.preferences.map(({ weight }) => weight)), R);
  }

  /**
   * Takes the token that was chosen.
   *
   * @returns whether it is part of the answer, which an end token is not
   */
  accept(id: number): boolean {
    if (this.model.endTokens.has(id)) {
      this.reason = "stop";
      return false;
    }
    this.said.push(id);
    const longest = this.prompts.reduce((most, { length }) => Math.max(most, length), 0) + this.said.length;
    const isFull = this.said.length >= this.request.maxNewTokens || longest >= this.model.contextLength;
    this.reason = this.request.stopAfter?.(id) ? "stop" : isFull ? "length" : undefined;
    return true;
  }

  /** Makes its rows ready for the next pass, after a token that did not end it. The request may change what it reads. */
  goOn(): void {
    if (this.isAtStem && this.rows[0]!.isRead) {
      this.isAtStem = false;
      this.rows = this.shared.begin(this.prompts);
    } else if (this.isReady) this.extendRows();
  }

  /** Rows that begin in the same pass share nothing: a long beginning of all prompts is read first, then forked. */
  private beginPrompts(): void {
    const stem = commonBeginning(this.prompts);
    this.isAtStem = stem.length > 0 && stem.length - this.shared.countHeld(stem) >= fewestInStem;
    this.rows = this.shared.begin(this.isAtStem ? [stem] : this.prompts);
  }

  private extendRows(): void {
    const before = this.prompts;
    this.askForChange();
    if (this.prompts !== before) {
      this.rows = this.shared.begin(
        this.prompts.map((prompt) => [...prompt, ...this.said]),
        true,
      );
    } else this.rows = this.rows.map((row) => this.shared.extend(row, this.said.at(-1)!));
  }

  /** Lets the request change its method or preferences. `prompts` stays the same array where it need not change. */
  private askForChange(): void {
    const change = this.request.beforeToken?.(this.said);
    if (!change) return;
    checkFields(change, { method: optional(givenMethod) }, "what beforeToken returned");
    this.method = change.method ?? this.method;
    if (change.preferences) this.preferences = readPreferences(change);
    this.planPrompts();
  }

  private amongRows(coefficients: readonly number[], R: number): number[] {
    const row: number[] = Array(R).fill(0);
    // Two prompts with the same tokens are one row.
    for (const [i, value] of coefficients.entries()) row[this.rows[i]!.place]! += value;
    return row;
  }

  private get readsBoth(): boolean {
    const { explain, reportDrift, reportRows } = this.request;
    return Boolean(explain || reportDrift || reportRows);
  }

  private get readsPreferences(): boolean {
    return this.method.reads !== "base" || this.readsBoth;
  }

  private get readsBase(): boolean {
    return this.method.reads !== "preference" || this.readsBoth || this.isMixture;
  }

  /** A prompt that neither the method nor the mixture nor what is told of a token reads is not computed. */
  private planPrompts(): void {
    checkCoverage(this.model, this.method);
    // A mixture goes past its prompts as any unbounded method does, before the method sees it.
    if (this.isMixture) refuseUnlessWhole(this.model, "a weighted mixture of preferences");
    if (this.request.reportRows) refuseUnlessWhole(this.model, "telling both prompts' policies");
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
    checkPrompt(this.model, prompt.length === 0 ? prompt : [...prompt, ...this.said], name);
  }
}

/** A pass more for the prompts must be worth it: this many tokens are computed in about the time of one. */
const fewestInStem = 32;

/** What several prompts begin with, without the last token of any; logits come from a token that is read. */
function commonBeginning([first = [], ...others]: readonly TokenRow[]): TokenRow {
  if (others.length === 0) return [];
  const lengths = others.map((other) => Math.min(commonLength(first, other), other.length - 1));
  return first.slice(0, Math.min(first.length - 1, ...lengths));
}

const isSame = (a: TokenRow, b: TokenRow) => a.length === b.length && a.every((id, i) => id === b[i]);

function checkRequest(request: DecodeRequest): void {
  const kinds = {
    method: givenMethod,
    choose: callback,
    base: optional(list),
    stopAfter: optional(callback),
    beforeToken: optional(callback),
  };
  checkFields(request, kinds, "the request");
  checkMaxNewTokens(request.maxNewTokens);
}

function checkMaxNewTokens(maxNewTokens: number): void {
  if (Number.isInteger(maxNewTokens) && maxNewTokens >= 1) return;
  throw new CoreError(
    "bad-request",
    `maxNewTokens must be a whole number of at least 1; it is ${describeValue(maxNewTokens)}.`,
  );
}

function noPreference({ name }: Method): CoreError {
  return new CoreError(
    "bad-request",
    `There is no preference prompt, and the method ${name} or its explanation reads one: give preference or preferences.`,
  );
}
