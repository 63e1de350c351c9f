/** A model that answers: in this page, or behind the server that the page came from. */
import type { Place, TokenMeasures } from "../../src/policy.js";
import type { Setting } from "../../src/state.js";

export interface Order {
  readonly question: string;
  readonly preference: string;
  /** One for each of the answers, which grow side by side. */
  readonly settings: readonly Setting[];
  /** Token ids that they have already. */
  readonly begun: readonly number[];
  readonly maxNewTokens: number;
}

export interface Piece {
  /** Which of the answers it belongs to. */
  readonly index: number;
  readonly text: string;
  readonly id?: number;
  /** Both policies at the token; later, by `placeAt`, where they are not sent with it. */
  readonly place?: Place;
  /** Measured where the model is, where the place is not here. */
  readonly measures?: TokenMeasures;
  /** The strength that a budget left. */
  readonly x?: number;
  readonly finish?: "whole" | "cut";
  /** Why this answer goes no further; others may. */
  readonly failure?: string;
}

/** Answers that are under way; what changes holds from one of their next tokens on. */
export interface Answering extends AsyncIterable<Piece> {
  change(change: { readonly setting?: Setting; readonly preference?: string }, index?: number): void;
}

export interface SpeakingModel {
  readonly kind: "embedded" | "file" | "server";
  /** What is said of it once it is there. */
  readonly says: string;
  answer(order: Order, signal: AbortSignal): Answering;
  /** Both policies behind the tokens that an answer has. */
  placeAt(asked: Pick<Order, "question" | "preference" | "begun">): Promise<Place | undefined>;
  textOf(id: number): Promise<string>;
  dispose(): Promise<void>;
}
