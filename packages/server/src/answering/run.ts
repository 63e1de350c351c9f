/** A request that is being answered. */
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { ChatModel, Engine } from "@amulet-ts/core";
import type { Usage } from "../protocol/fields.js";
import type { OpenRecord } from "../watch/request-record.js";
import type { Answerer, ChosenModel } from "./answerer.js";
import { type ChoicePiece, startAnswers } from "./answers.js";
import type { Order } from "./order.js";
import { checkPolicyBytes } from "./policy-bytes.js";
import { countTokens } from "./prompts.js";

/** What an answer says of itself, whole or in pieces. */
export interface RunHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export class Run {
  readonly head: RunHead;
  readonly pieces: AsyncGenerator<ChoicePiece, void, void>;
  readonly model: ChatModel;
  readonly tokenizer: Engine["tokenizer"];
  readonly choiceCount: number;
  private readonly promptTokens: { readonly base: number; readonly preference: number };
  private said = 0;
  private place = 0;

  /** @throws CoreError what can't be answered, or not now; ServerError `bad-request` for more than can be told */
  constructor(
    answerer: Answerer,
    chosen: ChosenModel,
    order: Order,
    prefix: string,
    private readonly record: OpenRecord,
    readonly leaving: AbortController,
  ) {
    const { engine, scheduler, fingerprint } = answerer;
    checkPolicyBytes(order, engine.model);
    this.head = {
      id: `${prefix}-${randomUUID().replaceAll("-", "")}`,
      created: Math.floor(Date.now() / 1000),
      model: chosen.id,
      system_fingerprint: fingerprint,
    };
    this.model = engine.model;
    this.tokenizer = engine.tokenizer;
    this.choiceCount = order.prompts.length * order.samples;
    this.promptTokens = countTokens(order.prompts);
    // Each answer listens to it: many are no leak.
    setMaxListeners(0, leaving.signal);
    this.pieces = this.count(
      startAnswers(scheduler, engine.model, order, leaving, (place) => {
        this.place = place;
        record.notePlace(place);
      }),
    );
  }

  /** Of what has been said so far. */
  get usage(): Usage {
    const { base, preference } = this.promptTokens;
    return {
      prompt_tokens: base + preference,
      completion_tokens: this.said,
      total_tokens: base + preference + this.said,
      prompt_tokens_details: { base_tokens: base, preference_tokens: preference },
    };
  }

  /** For people who look at the stream. */
  get state(): string {
    return this.place > 0 ? `waiting, place ${this.place}` : "under way";
  }

  private async *count(
    pieces: AsyncGenerator<ChoicePiece, void, void>,
  ): AsyncGenerator<ChoicePiece, void, void> {
    for await (const piece of pieces) {
      if (piece.token) this.said++;
      this.record.notePiece(piece);
      yield piece;
    }
  }
}
