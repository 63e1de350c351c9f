/** Numbers as every report writes them, and what stands over them. */
import type { Interval } from "../statistics/bootstrap.js";
import type { PairedResult, RunSummary } from "./summarise-run.js";

/** `0.412 [0.35, 0.47]`: never a mean without its interval. */
export function spellInterval({ mean, low, high }: Interval): string {
  return `${spell(mean)} [${spell(low)}, ${spell(high)}]`;
}

function spell(value: number): string {
  return value
    .toFixed(3)
    .replace(/^-(?=.*[1-9])/, "−")
    .replace(/^-/, "");
}

/** `0.012`, `<0.001`. */
export function spellP(p: number): string {
  return p < 0.001 ? "<0.001" : p.toFixed(3);
}

export function spellWins({ wins }: PairedResult): string {
  return `${wins.wins} / ${wins.ties} / ${wins.losses}`;
}

/** Share of the answers that were cut. */
export function spellCut({ cut }: { readonly cut: number }): string {
  return `${Math.round(100 * cut)} %`;
}

/** A setting beside the reference: difference, p, wins. */
export function spellPaired(against: PairedResult | undefined): [string, string, string] {
  if (!against) return ["", "", ""];
  return [spellInterval(against.difference), spellP(against.adjusted ?? against.p), spellWins(against)];
}

/** The columns of a table of settings. */
export function tableHead({ measures, reference }: RunSummary): string[] {
  return [
    "setting",
    ...measures,
    "tokens",
    "cut",
    `${measures[0]} − ${reference.name}`,
    "p",
    "wins / ties / losses",
  ];
}
