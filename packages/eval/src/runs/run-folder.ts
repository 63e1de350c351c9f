/** The answers of a run in its folder, whichever shares of it they are from, and work on one share. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { EvaluationError } from "../errors.js";
import { answerSchema, type RunAnswer } from "./answer-line.js";
import { LineFile, parseLines } from "./line-file.js";
import { isOfShard, nameShard, type Row, type Shard } from "./rows.js";
import { type LockHolder, lockShard, type RunLock, readLocks } from "./run-lock.js";
import { type RunPlan, writeRun } from "./run-record.js";

const answersName = /^answers\.(\d+-of-\d+)\.jsonl$/;

/** A share of a run, locked for this process until it is closed. */
export class OpenShard {
  private constructor(
    readonly plan: RunPlan,
    /** What is to be done here. */
    readonly missing: readonly Row[],
    /** Rows of this share, done or not. */
    readonly total: number,
    private readonly file: LineFile<RunAnswer>,
    private readonly lock: RunLock,
  ) {}

  /** @throws EvaluationError `locked`, `other-run`, `bad-file` */
  static async open(folder: string, plan: RunPlan, shard: Shard): Promise<OpenShard> {
    await writeRun(folder, plan);
    const lock = await lockShard(folder, shard);
    let file: LineFile<RunAnswer> | undefined;
    try {
      file = await LineFile.open(join(folder, `answers.${nameShard(shard)}.jsonl`), answerSchema);
      const known = new Set((await readAnswers(folder)).keys());
      const own = plan.rows.filter(({ pair }) => isOfShard(shard, plan.pairs[pair]!));
      const missing = own.filter(({ key }) => !known.has(key));
      return new OpenShard(plan, missing, own.length, file, lock);
    } catch (error) {
      await file?.close();
      await lock.release();
      throw error;
    }
  }

  /** Keeps answers: when it resolves, they are on the disk. @throws EvaluationError `no-room` */
  async add(answers: readonly RunAnswer[]): Promise<void> {
    if (answers.length > 0) await this.file.append(answers);
  }

  async close(): Promise<void> {
    await this.file.close();
    await this.lock.release();
  }
}

/**
 * All answers of a folder by their keys.
 *
 * @throws EvaluationError `bad-file`, also where two files have different answers to the same
 */
export async function readAnswers(folder: string): Promise<Map<string, RunAnswer>> {
  const found = new Map<string, RunAnswer>();
  for (const name of (await readdir(folder)).filter((one) => answersName.test(one)).sort()) {
    const path = join(folder, name);
    for (const answer of parseLines(await readFile(path), answerSchema, path).lines) {
      keepOne(found, answer, path);
    }
  }
  return found;
}

/** Two machines that did the same work agree, or one of the files is wrong. */
export function keepOne(found: Map<string, RunAnswer>, answer: RunAnswer, source: string): void {
  const other = found.get(answer.key);
  if (other && other.text !== answer.text) {
    throw new EvaluationError(
      "bad-file",
      `${source} has another answer than a file read before it to ${JSON.stringify(answer.questionId)}, preference ` +
        `${JSON.stringify(answer.preference)}, ${answer.setting}: take one of the two out.`,
    );
  }
  found.set(answer.key, other ?? answer);
}

export interface RunStatus {
  readonly done: number;
  readonly total: number;
  /** Tokens of all answers so far. */
  readonly tokens: number;
  /** When the last answer was complete. */
  readonly last: string | null;
  /** Lines that belong to no row of this run. */
  readonly strangers: number;
  /** Who is at work now, by share. */
  readonly workers: Readonly<Record<string, LockHolder>>;
}

export async function readStatus(folder: string, { rows }: RunPlan): Promise<RunStatus> {
  const answers = await readAnswers(folder);
  const known = new Set(rows.map(({ key }) => key));
  const own = [...answers.values()].filter(({ key }) => known.has(key));
  return {
    done: own.length,
    total: rows.length,
    tokens: own.reduce((sum, { ids }) => sum + ids.length, 0),
    last:
      own
        .map(({ at }) => at)
        .sort()
        .at(-1) ?? null,
    strangers: answers.size - own.length,
    workers: Object.fromEntries(await readLocks(folder)),
  };
}
