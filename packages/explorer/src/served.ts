/** What a page and `amulet serve` say to each other: the field `amulet`, events, policies. */
import type { Place, TokenMeasures } from "./policy.js";
import { dialSetting, type PageState, type Setting } from "./state.js";

/** One strength as the protocol has it. */
export function steeringFor({ x, nats }: Setting): Readonly<Record<string, unknown>> {
  if (x === 0) return { method: "base" };
  if (x === 1) return { method: "pref" };
  if (Number.isFinite(nats) && x > 1) return { method: "bounded", kl_budget: nats, guidance_scale: x };
  return { guidance_scale: x };
}

/** The dial as it stands, in the terms that it was set by. */
export function steeringOf(state: PageState): Readonly<Record<string, unknown>> {
  if (state.dial === "x") return steeringFor(dialSetting(state));
  const budget = Number.isFinite(state.nats) ? { kl_budget: state.nats } : {};
  return { ...budget, ...state.parameters };
}

interface SentView {
  readonly token: string;
  readonly id: number;
  readonly probability: number;
  readonly base_probability: number;
  readonly preference_probability: number;
  readonly delta: number;
}

/** A token that was said, and why. */
export interface SentToken extends SentView {
  readonly guidance_scale: number | null;
  readonly kl_from_base: number;
  readonly kl_from_preference: number;
  readonly base_choice: SentView;
  readonly preference_choice: SentView;
  readonly candidates: readonly SentView[];
  readonly seen?: { readonly base: number; readonly preference: number };
  readonly policies?: { readonly base: string; readonly preference: string };
}

export const viewsOf = (token: SentToken): readonly SentView[] => [
  token,
  token.base_choice,
  token.preference_choice,
  ...token.candidates,
];

/** @param x where the method is not one number */
export function measuresOf(token: SentToken, x: number): TokenMeasures {
  return {
    delta: token.delta,
    fromPreference: token.kl_from_preference,
    fromBase: token.kl_from_base,
    x: token.guidance_scale ?? x,
    wouldSay: { base: token.base_choice.id, preference: token.preference_choice.id, policy: token.id },
    probability: token.probability,
  };
}

/**
 * Both policies at a token: whole, where they were sent; else of the tokens that were sent with it, and of all others together
 * as one. Nothing where whole ones can be asked for.
 */
export function placeIn(token: SentToken): Place | undefined {
  const { policies, seen } = token;
  if (policies) return { base: unpackPolicy(policies.base), preference: unpackPolicy(policies.preference) };
  if (!seen) return undefined;
  const views = [...new Map(viewsOf(token).map((view) => [view.id, view])).values()];
  const withRest = (shares: readonly number[]) => {
    const rest = Math.max(1e-12, 1 - shares.reduce((sum, share) => sum + share, 0));
    return Float64Array.from([...shares, rest], (share) => Math.log(Math.max(share, 1e-30)));
  };
  return {
    base: withRest(views.map((view) => view.base_probability)),
    preference: withRest(views.map((view) => view.preference_probability)),
    ids: [...views.map(({ id }) => id), restId],
  };
}

/** All tokens that were not sent. */
export const restId = -1;

function unpackPolicy(text: string): Float32Array {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, id) => view.getFloat32(4 * id, true));
}

/** The data of server-sent events, as they come; comments, by which a server says that it is alive, are passed over. */
export async function* readEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let waiting = "";
  for await (const part of bytes) {
    const events = (waiting + decoder.decode(part, { stream: true })).split("\n\n");
    waiting = events.pop()!;
    for (const event of events) if (event.startsWith("data: ")) yield event.slice("data: ".length);
  }
}
