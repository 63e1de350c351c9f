/** A model behind an engine that gives the most probable tokens and not the whole vocabulary. */
import { impossible, type LanguageModel, type Next, type Session } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";

/**
 * What a server gives that answers with the `best` most probable tokens of each row, and the mass of the rest: their logarithms
 * for all rows where it `names` tokens that it is asked for, else each row's own. Computed on the host in float64, from the
 * model's whole rows.
 */
export class TopModel implements LanguageModel {
  readonly coverage = "top";

  constructor(
    private readonly whole: LanguageModel,
    private readonly best: number,
    private readonly names = true,
  ) {}

  get name() {
    return this.whole.name;
  }

  get vocabularySize() {
    return this.whole.vocabularySize;
  }

  get contextLength() {
    return this.whole.contextLength;
  }

  get endTokens() {
    return this.whole.endTokens;
  }

  openSession(rowCount: number): Session {
    const session = this.whole.openSession(rowCount);
    return {
      get lengths() {
        return session.lengths;
      },
      append: async (tokens) => this.truncate(await session.append(tokens)),
      select: (rows) => session.select(rows),
      rewind: (lengths) => session.rewind(lengths),
      dispose: () => session.dispose(),
    };
  }

  private truncate({ logits_RC }: Next): Next {
    const rows = (logits_RC.arraySync() as number[][]).map(logSoftmax);
    logits_RC.dispose();
    const bests = rows.map((row) => bestOf(row, this.best));
    const ids_C = [...new Set(bests.flat())];
    const told = bests.map((best) => new Set(this.names ? ids_C : best));
    const rests = rows.map((row, r) =>
      sumOf(row.flatMap((log, id) => (told[r]!.has(id) ? [] : [Math.exp(log)]))),
    );
    const mosts = rows.map((row, r) =>
      this.names ? Math.max(...row.filter((_, id) => !told[r]!.has(id))) : row[bests[r]!.at(-1)!]!,
    );
    return {
      mostOfRest_R: mosts.map((most, r) => (rests[r]! > 0 ? Math.min(0, most - Math.log(rests[r]!)) : 0)),
      logits_RC: tf.tensor2d(
        rows.map((row, r) => ids_C.map((id) => (told[r]!.has(id) ? row[id]! : impossible))),
      ),
      ids_C,
      rest_R1: tf.tensor2d(rests.map((rest) => [Math.log(rest)])),
    };
  }
}

function logSoftmax(logits: readonly number[]): number[] {
  const best = Math.max(...logits);
  const logZ = best + Math.log(sumOf(logits.map((logit) => Math.exp(logit - best))));
  return logits.map((logit) => logit - logZ);
}

function bestOf(row: readonly number[], count: number): number[] {
  return row
    .map((_, id) => id)
    .sort((a, b) => row[b]! - row[a]!)
    .slice(0, count);
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
