/** Answers for whoever asks, side by side over one model: first come, first served, within bounds. */

import { AnswerInProgress } from "../decode/answer-in-progress.js";
import { Decoder } from "../decode/decoder.js";
import type { DecodeRequest } from "../decode/request.js";
import { CoreError } from "../errors.js";
import { checkGiven, describeValue, model as givenModel, record } from "../port/given.js";
import { PrefixCache } from "../port/prefix-cache.js";
import type { LanguageModel } from "../port/session.js";
import { SharedRows } from "../port/shared-rows.js";
import { ScheduledAnswer, type ScheduledAnswerOptions } from "./scheduled-answer.js";

export interface SchedulerBounds {
  /** Answers that grow side by side, 8 by default. */
  readonly parallel?: number;
  /** Answers that may wait beyond those, 64 by default. */
  readonly waiting?: number;
  /**
   * Tokens that the rows of running answers may hold at their ends, 16,384 by default; a base and a preference prompt are
   * two rows. An answer that is larger by itself runs alone.
   */
  readonly heldTokens?: number;
  /** Tokens of prompts and answers that are kept for prompts which begin alike, 4,096 by default; 0 keeps none. */
  readonly prefixTokens?: number;
}

/** How things stand, for those who look on. */
export interface SchedulerLoad {
  readonly running: number;
  readonly waiting: number;
  /** What running answers may hold at their ends. */
  readonly heldTokens: number;
  /** What is kept of answers that have ended. */
  readonly prefixTokens: number;
  /** Prompt tokens that were read; those that were there already do not count. */
  readonly readTokens: number;
  /** Tokens of answers that were said so far. */
  readonly saidTokens: number;
}

/** Prompt tokens that are read beside running answers at a time: a base and a preference prompt in one pass. */
const piece = 256;

/**
 * Joins answers to a {@link Decoder} as they come and sends them away as they end. Answers that do not fit wait in a queue,
 * and the first of it is the next: none starves, as every running answer gets a token with each pass and ends. New prompts
 * are read one after the other, in pieces beside the tokens of the others.
 *
 * A pass that fails ends the answers that run; those that wait are not concerned.
 */
export class Scheduler {
  /** Those that hold here. */
  readonly bounds: Readonly<Required<SchedulerBounds>>;
  private readonly prefixes: PrefixCache;
  private decoder: Decoder | undefined;
  private waiting: ScheduledAnswer[] = [];
  /** By the numbers that the decoder gave them. */
  private readonly running = new Map<number, ScheduledAnswer>();
  private loop: Promise<void> | undefined;
  private readBefore = 0;
  private readNow = 0;
  private said = 0;
  private isOpen = true;

  /** @throws CoreError `bad-request` for a bound that is none */
  constructor(
    private readonly model: LanguageModel,
    bounds: SchedulerBounds = {},
  ) {
    checkGiven(model, givenModel, "The model");
    checkGiven(bounds, record, "The bounds");
    this.bounds = readBounds(bounds);
    this.prefixes = new PrefixCache(this.bounds.prefixTokens);
  }

  get load(): SchedulerLoad {
    return {
      running: this.running.size,
      waiting: this.waiting.length,
      heldTokens: this.heldTokens,
      prefixTokens: this.prefixes.tokenCount,
      readTokens: this.readBefore + this.readNow,
      saidTokens: this.said,
    };
  }

  /**
   * Takes an answer in. Its events come from iterating what is returned; leaving that loop, or an abort, sends it away.
   *
   * @throws CoreError `queue-full`; `bad-request`, `context-overflow`, `not-covered` for what no answer can be given to
   */
  answer(request: DecodeRequest, options: ScheduledAnswerOptions = {}): ScheduledAnswer {
    if (!this.isOpen) throw new CoreError("aborted", "No more answers are given here.");
    const { parallel, waiting } = this.bounds;
    // Those that have left hold their rows until the next pass, but are in nobody's way.
    const underWay = [...this.running.values()].filter(isUnderWay).length;
    if (underWay + this.waiting.length >= parallel + waiting) {
      throw new CoreError(
        "queue-full",
        `${underWay} answers are under way and ${this.waiting.length} wait, which is as many as may: ask again later.`,
      );
    }
    // Refused before it waits, if it must be.
    const { size } = new AnswerInProgress(this.model, request, 0, new SharedRows(this.model));
    const answer = new ScheduledAnswer(request, size, options, () => this.letGo());
    if (answer.isOver) return answer;
    this.waiting.push(answer);
    this.wake();
    return answer;
  }

  /** Ends every answer with an error and frees what is held. */
  async dispose(): Promise<void> {
    this.isOpen = false;
    this.failAll(new CoreError("aborted", "The answer was interrupted: the model is being closed."));
    await this.loop;
    await this.prefixes.clear();
  }

  private get heldTokens(): number {
    return sumOf(this.running, ({ size }) => size.rows);
  }

  /** Somebody has left: at once, who waits behind is nearer, and who comes finds the place. */
  private letGo(): void {
    this.tellPlaces();
    this.wake();
  }

  private wake(): void {
    // Nobody waits for the loop: what fails in it is told to those whom it was to serve.
    this.loop ??= this.run()
      .catch((error: unknown) => this.failAll(error))
      .finally(() => {
        this.loop = undefined;
        // Who came while the rows were put away.
        if (this.waiting.length > 0) this.wake();
      });
  }

  private async run(): Promise<void> {
    // Who comes in the same turn of the event loop is read together.
    await Promise.resolve();
    while (this.admit() > 0) await this.pass();
    await this.putAway();
  }

  /** Lets go who has left and takes in who fits. @returns how many run */
  private admit(): number {
    this.waiting = this.waiting.filter(isUnderWay);
    for (const [number, { isOver }] of this.running) {
      if (!isOver) continue;
      this.running.delete(number);
      this.decoder?.leave(number);
    }
    while (this.waiting[0] && this.fits(this.waiting[0])) this.begin(this.waiting.shift()!);
    this.tellPlaces();
    return this.running.size;
  }

  /** Whoever is told may leave, and others with it: they are then told in between, and `waiting` is another list. */
  private tellPlaces(): void {
    this.waiting = this.waiting.filter(isUnderWay);
    for (let i = 0; i < this.waiting.length; i++) this.waiting[i]!.tellPlace(i + 1);
  }

  private fits({ size }: ScheduledAnswer): boolean {
    if (this.running.size === 0) return true;
    const { parallel, heldTokens } = this.bounds;
    if (this.running.size >= parallel || this.heldTokens + size.rows > heldTokens) return false;
    const beingRead = sumOf(this.running, (answer) => (answer.hasBegun ? 0 : answer.size.prompts));
    return beingRead === 0 || beingRead + size.prompts <= piece;
  }

  private begin(answer: ScheduledAnswer): void {
    answer.tellPlace(0);
    if (answer.isOver) return;
    try {
      this.decoder ??= this.openDecoder();
      this.running.set(this.decoder.join(answer.request), answer);
    } catch (error) {
      answer.fail(error);
    }
  }

  private openDecoder(): Decoder {
    return new Decoder(this.model, {
      prefixes: this.prefixes,
      onProgress: ({ done }) => {
        this.readNow = done;
      },
      onFailure: (number, error) => {
        this.running.get(number)?.fail(error);
        this.running.delete(number);
      },
    });
  }

  private async pass(): Promise<void> {
    try {
      for (const event of await this.decoder!.step()) {
        this.running.get(event.request)?.take(event);
        if (event.type === "token") this.said++;
        if (event.type === "end") this.running.delete(event.request);
      }
    } catch (error) {
      for (const answer of this.running.values()) answer.fail(error);
      this.running.clear();
      await this.discard();
    }
  }

  /** Nobody is there: what was read stays for later, as far as there is room. */
  private async putAway(): Promise<void> {
    try {
      await this.decoder?.rest();
      this.forgetDecoder();
    } catch {
      await this.discard();
    }
  }

  /** After a failure nothing that was computed is trusted any more. */
  private async discard(): Promise<void> {
    const { decoder } = this;
    this.forgetDecoder();
    await decoder?.dispose().catch(() => {});
    await this.prefixes.clear().catch(() => {});
  }

  private forgetDecoder(): void {
    this.decoder = undefined;
    this.readBefore += this.readNow;
    this.readNow = 0;
  }

  private failAll(error: unknown): void {
    for (const answer of [...this.waiting, ...this.running.values()]) answer.fail(error);
  }
}

function isUnderWay({ isOver }: ScheduledAnswer): boolean {
  return !isOver;
}

function sumOf(
  answers: ReadonlyMap<number, ScheduledAnswer>,
  measure: (answer: ScheduledAnswer) => number,
): number {
  let sum = 0;
  for (const answer of answers.values()) sum += measure(answer);
  return sum;
}

function readBounds(given: SchedulerBounds): Required<SchedulerBounds> {
  const { parallel = 8, waiting = 64, heldTokens = 16_384, prefixTokens = 4_096 } = given;
  const bounds = { parallel, waiting, heldTokens, prefixTokens };
  for (const [name, value] of Object.entries(bounds)) {
    const least = name === "parallel" || name === "heldTokens" ? 1 : 0;
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw new CoreError(
      "bad-request",
      `${name} must be a whole number of at least ${least}; it is ${describeValue(value)}.`,
    );
  }
  return bounds;
}
