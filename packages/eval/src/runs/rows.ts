/** The work of a run as a list that every machine makes alike, and the share of it that is one machine's. */
import { createHash } from "node:crypto";
import { EvaluationError } from "../errors.js";
import { keyOf, type Setting } from "../grid/settings.js";
import type { RunConfig } from "./config.js";
import type { RunPair } from "./pairs.js";

/** Everything about where answers come from that decides them. */
export interface RunSource {
  readonly model: string;
  /** Of the model's files; of a server, its address. */
  readonly digest: string;
  readonly engine: string;
  readonly backend: string;
  /** What computes, with its version, and this package. */
  readonly versions: Readonly<Record<string, string>>;
}

/** One answer to be given. */
export interface Row {
  /** A hash of everything that makes the answer. */
  readonly key: string;
  /** Number of the pair in the run. */
  readonly pair: number;
  readonly setting: Setting;
  readonly sample: number;
}

/** Questions outermost: a run that is interrupted has all settings of what it asked. */
export function listRows(
  source: RunSource,
  { answers }: Pick<RunConfig, "answers">,
  pairs: readonly RunPair[],
  settings: readonly Setting[],
): Row[] {
  const { samples, ...answering } = answers;
  const shared = digestOf([source, answering]);
  return pairs.flatMap(({ question, preference, questionId, parts }, pair) =>
    settings.flatMap((setting) =>
      Array.from({ length: samples }, (_, sample): Row => {
        const asked = [questionId, question, parts ? parts.map(({ text }) => text) : preference];
        const key = digestOf([shared, ...asked, keyOf(setting), sample]);
        return { key, pair, setting, sample };
      }),
    ),
  );
}

/** The draws of an answer: the same wherever and beside whatever it is given, and the same under all settings. */
export function seedOf({ pair, sample }: Row, seed: number): number {
  return Number.parseInt(digestOf([seed, pair, sample]).slice(0, 8), 16);
}

function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 20);
}

/** Machine `index` of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export const wholeRun: Shard = { index: 1, count: 1 };

/** `2/3`. @throws EvaluationError `bad-config` */
export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (shard.index >= 1 && shard.index <= shard.count) return shard;
  throw new EvaluationError(
    "bad-config",
    `A share of a run is written I/N, from 1/N to N/N, such as 2/3; it is ${JSON.stringify(text)}.`,
  );
}

/** Whole questions go to one machine: their prompts are read once. */
export function isOfShard({ index, count }: Shard, { questionNumber }: RunPair): boolean {
  return questionNumber % count === index - 1;
}

export function nameShard({ index, count }: Shard): string {
  return `${index}-of-${count}`;
}
