/** What the page shows, as its address says it: `#place=2&x=5.6`. */

export interface PageState {
  /** Which token of the answer, from 0. */
  readonly place: number;
  /** The strength x. */
  readonly x: number;
  /** Nats that a token may drift from the preference policy; Infinity binds nothing. */
  readonly nats: number;
}

export const largestX = 12;

export const firstState: PageState = { place: 0, x: 1, nats: Number.POSITIVE_INFINITY };

/** Reads an address; what it lacks, or says wrongly, is as at first. */
export function readState(hash: string, placeCount: number): PageState {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const within = (name: string, least: number, most: number): number | undefined => {
    const text = said.get(name);
    const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
    return value >= least && value <= most ? value : undefined;
  };
  return {
    place: Math.floor(within("place", 0, placeCount - 1) ?? firstState.place),
    x: within("x", 0, largestX) ?? firstState.x,
    nats: within("nats", 0, 10) ?? firstState.nats,
  };
}

export function writeState({ place, x, nats }: PageState): string {
  const budget = Number.isFinite(nats) ? `&nats=${nats}` : "";
  return `#place=${place}&x=${x}${budget}`;
}
