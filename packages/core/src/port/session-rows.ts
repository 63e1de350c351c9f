/** Filling a session's rows with as few tokens read as possible. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { type PrefillOptions, prefill } from "./prefill.js";
import type { LanguageModel, Session, TokenRow } from "./session.js";

/** An open session and the logits that follow each of its rows, `[R, V]`; the caller owns both. */
export interface ReadRows {
  readonly session: Session;
  readonly logits_RV: Tensor2D;
}

/** Opens a session that holds these rows. Each distinct row is read once and forked where it occurs again. */
export async function readRows(
  model: LanguageModel,
  rows: readonly TokenRow[],
  options: PrefillOptions,
): Promise<ReadRows> {
  const distinct = new Map(rows.map((row) => [row.join(), row]));
  const keys = [...distinct.keys()];
  const sources = rows.map((row) => keys.indexOf(row.join()));
  const session = model.openSession(keys.length);
  try {
    const logits_BV = await prefill(session, [...distinct.values()], options);
    session.select(sources);
    const logits_RV: Tensor2D = tf.tidy(() => tf.gather(logits_BV, tf.tensor1d(sources, "int32")));
    logits_BV.dispose();
    return { session, logits_RV };
  } catch (error) {
    session.dispose();
    throw error;
  }
}

/**
 * Turns the rows that a session holds into others, in one forward pass. Every new row goes on from the held row
 * that shares the longest beginning with it: a row that only grew reads what it grew by, a row whose preference
 * changed reads from the first token that differs.
 *
 * @returns the logits that follow each new row, `[R, V]`; the caller owns them
 */
export function changeRows(
  session: Session,
  held: readonly TokenRow[],
  wanted: readonly TokenRow[],
): Tensor2D {
  const sources = wanted.map((row) => closestRow(held, row));
  session.select(sources.map(({ row }) => row));
  session.rewind(sources.map(({ shared }) => shared));
  return session.append(wanted.map((row, i) => row.slice(sources[i]!.shared)));
}

/** The row to go on from, and how much of it: never all of `wanted`, as logits come from a token that is read. */
function closestRow(held: readonly TokenRow[], wanted: TokenRow): { row: number; shared: number } {
  const shared = held.map((row) => Math.min(commonLength(row, wanted), wanted.length - 1));
  const most = Math.max(...shared);
  return { row: shared.indexOf(most), shared: most };
}

function commonLength(a: TokenRow, b: TokenRow): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return length;
}
