/** What the page knows: its state, the answers, the place that is looked at. All else follows from these. */
import { computed, signal } from "@preact/signals-core";
import {
  candidatesAt,
  measureToken,
  normalise,
  type Place,
  strengthUsed,
  type TokenMeasures,
  tiltPolicy,
} from "../src/policy.js";
import recorded from "../src/recorded.json" with { type: "json" };
import { restId } from "../src/served.js";
import {
  dialSetting,
  firstState,
  largestX,
  type PageState,
  readState,
  type Setting,
  settingsOf,
  writeSetting,
  writeState,
} from "../src/state.js";
import { texts } from "./texts.js";

export const state = signal<PageState>(readState(location.hash));

export function change(part: Partial<PageState>): void {
  const next = { ...state.peek(), ...part };
  const most = next.pinned.length;
  state.value = { ...next, column: Math.min(next.column, most) };
}

/** Parts of the state that most changes leave as they are. */
export const shownColumn = computed(() => state.value.column);
export const shownPlace = computed(() => state.value.place);
export const shownHeat = computed(() => state.value.heat);
export const dial = computed(() => dialSetting(state.value));

/** A token that was said, and what it was chosen by. */
export interface SaidToken {
  readonly id: number;
  readonly text: string;
  readonly measures?: TokenMeasures;
  /** Kept where they are small enough to be. */
  place?: Place;
}

export type AnswerStatus = "growing" | "whole" | "cut" | "stopped" | "failed";

/** An answer of one setting, as far as it has come. */
export interface ShownAnswer {
  readonly setting: Setting;
  readonly question: string;
  readonly preference: string;
  readonly tokens: SaidToken[];
  /** Set after `tokens` has grown. */
  readonly count: { value: number };
  readonly status: { value: AnswerStatus };
}

export function startAnswer(setting: Setting, tokens: SaidToken[] = [], status: AnswerStatus = "growing") {
  const { question, preference } = state.peek();
  return { setting, question, preference, tokens, count: signal(tokens.length), status: signal(status) };
}

/** The embedded model's tokens as text; other models' are asked for when they are shown. */
const recordedPieces: readonly string[] = recorded.pieces;
const pieces = new Map<number, string>();
export const pieceCount = signal(0);
let askPiece: ((id: number) => Promise<string>) | undefined;

/** @param ask absent for the model whose pieces were recorded */
export function usePieces(ask?: typeof askPiece): void {
  pieces.clear();
  askPiece = ask;
  pieceCount.value = 0;
}

/** A token's text as it is; empty until it is known. */
export function textOf(id: number): string {
  if (!askPiece) return recordedPieces[id] ?? "";
  pieceCount.value;
  const known = pieces.get(id);
  if (known !== undefined) return known;
  pieces.set(id, "");
  // Whoever knew may be gone when this one answers; then nobody needs it.
  askPiece(id).then(
    (text) => {
      pieces.set(id, text);
      pieceCount.value += 1;
    },
    () => pieces.delete(id),
  );
  return "";
}

/** A token as it can be seen, spaces and line ends included. */
export function visible(text: string, id?: number): string {
  const shown = text.replaceAll(" ", "␣").replaceAll("\n", "⏎");
  return shown === "" ? `⟨${id ?? ""}⟩` : shown;
}

export const pieceOf = (id: number): string => visible(textOf(id), id);

function recordedAnswers(shown: PageState): ShownAnswer[] {
  const isFirst = shown.question === firstState.question && shown.preference === firstState.preference;
  const known = settingsOf(firstState).map(writeSetting);
  return settingsOf(shown).map((setting) => {
    const ids = isFirst ? recorded.answers[known.indexOf(writeSetting(setting))] : undefined;
    const isSteered = writeSetting(setting) === known.at(-1);
    const tokens = (ids ?? []).map((id, at) => recordedToken(id, at, isSteered, setting));
    return startAnswer(setting, tokens, "whole");
  });
}

function recordedToken(id: number, at: number, isSteered: boolean, setting: Setting): SaidToken {
  const found = recorded.places.find(({ place }) => place === at && (place === 0 || isSteered));
  const text = recordedPieces[id]!;
  if (!found) return { id, text };
  const place = normalise(found);
  return { id, text, place, measures: measureToken(place, id, setting) };
}

export const answers = signal<readonly ShownAnswer[]>(recordedAnswers(state.peek()));

/** Set to a further number when a token's place has come after the token. */
export const placesKnown = signal(0);

export const selected = computed(() => {
  const [answer, at] = [answers.value[shownColumn.value], shownPlace.value];
  if (!answer) return undefined;
  answer.count.value;
  const token = answer.tokens[at];
  return token && { answer, token, at };
});

const firstPlace = normalise(recorded.places[0]!);

/** Both policies where the page looks; those of the first recorded place while nothing better is known. */
export const place = computed((): Place => {
  placesKnown.value;
  return selected.value?.token.place ?? firstPlace;
});

export const isPlaceKnown = computed(() => {
  placesKnown.value;
  return selected.value?.token.place !== undefined;
});

/** What stands at an entry of the place's policies. */
export function nameAt(entry: number): string {
  // Until the place is known a recorded one stands in for it, whatever model answers.
  if (!isPlaceKnown.value) return visible(recordedPieces[entry] ?? "", entry);
  if (place.value.ids?.[entry] === restId) return texts.token.rest;
  return pieceOf(place.value.ids?.[entry] ?? entry);
}

export const used = computed(() => strengthUsed(place.value, dial.value));
export const policy_V = computed(() => tiltPolicy(place.value, used.value));

export const candidateCount = 10;
/** Those that any strength of the dial brings to the front, so that bars stay where they are while it turns. */
export const candidates = computed(() => candidatesAt(place.value, [0, 1, 3, 6, largestX], candidateCount));

/** The address follows at a distance: browsers refuse more than a hundred changes in some seconds. */
let isWriting = false;
export function followAddress(): void {
  state.subscribe(() => {
    if (isWriting) return;
    isWriting = true;
    setTimeout(() => {
      isWriting = false;
      history.replaceState(null, "", writeState(state.peek()));
    }, 200);
  });
  addEventListener("hashchange", () => {
    state.value = readState(location.hash);
  });
}

export function address(): string {
  return new URL(writeState(state.peek()), location.href).href;
}

/** Read out once by a screen reader. */
export const announced = signal("");
