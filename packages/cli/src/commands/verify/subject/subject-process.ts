/** Somebody else's file in a process of its own: asked over a pipe, under bounds, and ended when it breaks one. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { serialize } from "node:v8";
import { VerifyError } from "@amulet-ts/verify";
import { foreignText } from "../../../terminal/printable.js";
import type { Kind } from "./operations.js";
import { type Line, parseLine, readAnswer } from "./read-answer.js";

export interface Bounds {
  /** Seconds that the calls of one case may take; loading counts as a case. */
  readonly seconds: number;
  /** MB that the process may hold, heap and all. */
  readonly megabytes: number;
}

/** Bytes that one case may print, on standard output and error together. */
const mostPrinted = 2 ** 20;
/** Bytes of one answer. */
const longestAnswer = 2 ** 26;
/** Of what a process that crashed has printed, so much is told. */
const longestEpitaph = 300;

const script = fileURLToPath(new URL("../../../../bin/judged-subject.mjs", import.meta.url));

/** One life of the process, from loading the file to its end. */
class Life {
  /** Why it ended, once it has. */
  end: string | undefined;
  private readonly child: ChildProcess;
  private readonly wire: Duplex;
  private readonly waiting = new Map<number, (line: Line | undefined) => void>();
  private readonly answer: Buffer[] = [];
  private answerLength = 0;
  private printed = 0;
  private epitaph = "";
  private spent = 0;
  private since = 0;
  private timer: NodeJS.Timeout | undefined;
  private calls = 0;

  constructor(
    url: string,
    private readonly bounds: Bounds,
  ) {
    // A process group of its own, so that Ctrl-C reaches the judge alone, and what it starts ends with it.
    const detached = process.platform !== "win32";
    const { megabytes } = bounds;
    const words = [`--max-old-space-size=${megabytes}`, script, url, String(megabytes)];
    const stdio = ["ignore", "pipe", "pipe", "pipe"] as const;
    this.child = spawn(process.execPath, words, { stdio: [...stdio], detached, windowsHide: true });
    this.wire = this.child.stdio[3] as Duplex;
    this.wire.on("data", (bytes: Buffer) => this.hear(bytes));
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on("data", (bytes: Buffer) => this.count(bytes));
    // Of a pipe that breaks, the process' end, a moment later, says more.
    this.wire.on("error", ({ message }) => setTimeout(() => this.kill(message), 200));
    this.child.on("error", ({ message }) => {
      this.kill(message);
      this.close(null, null);
    });
    this.child.on("exit", (code, signal) => {
      // What it started may hold its pipes open for ever; what it sent last comes in a moment.
      setTimeout(() => this.close(code, signal), 200);
    });
    this.child.on("close", (code, signal) => this.close(code, signal));
  }

  /** What it offers. */
  hello(): Promise<Line> {
    return this.wait(0, "loading");
  }

  ask(operation: string, kind: Kind, values: readonly unknown[]): Promise<Line> {
    const id = ++this.calls;
    const request = serialize({ id, operation, kind, values });
    const length = Buffer.alloc(4);
    length.writeUInt32LE(request.length);
    const answer = this.wait(id, operation);
    this.wire.write(Buffer.concat([length, request]));
    return answer;
  }

  startCase(): void {
    this.spent = 0;
    this.printed = 0;
  }

  kill(why: string): void {
    this.end ??= why;
    const { pid } = this.child;
    if (pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return;
    try {
      process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
    } catch {
      this.child.kill("SIGKILL");
    }
  }

  private async wait(id: number, what: string): Promise<Line> {
    if (this.end === undefined && this.waiting.size === 0) this.startClock(what);
    const line = await new Promise<Line | undefined>((resolve) => {
      if (this.end === undefined) this.waiting.set(id, resolve);
      else resolve(undefined);
    });
    if (line && this.end === undefined) return line;
    throw new VerifyError("subject-ended", `${what}: ${this.end}`);
  }

  private startClock(what: string): void {
    const { seconds } = this.bounds;
    this.since = performance.now();
    const late = () => this.kill(`no answer within ${seconds} s (--case-timeout)`);
    this.timer = setTimeout(late, Math.max(0, 1000 * seconds - (what === "loading" ? 0 : this.spent)));
  }

  private stopClock(): void {
    clearTimeout(this.timer);
    this.spent += performance.now() - this.since;
  }

  private hear(bytes: Buffer): void {
    let rest = bytes;
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      this.keep(rest.subarray(0, at));
      this.take(parseLine(Buffer.concat(this.answer.splice(0)).toString("utf8")));
      this.answerLength = 0;
      rest = rest.subarray(at + 1);
    }
    this.keep(rest);
  }

  private keep(bytes: Buffer): void {
    this.answerLength += bytes.length;
    if (this.answerLength > longestAnswer) this.kill(`an answer of more than ${longestAnswer / 2 ** 20} MB`);
    else if (bytes.length > 0) this.answer.push(bytes);
  }

  private take(line: Line | undefined): void {
    if (this.end !== undefined) return;
    const id = typeof line?.id === "number" ? line.id : 0;
    const resolve = this.waiting.get(id);
    if (line === undefined || resolve === undefined) {
      this.kill("it sent an answer to nothing");
      return;
    }
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.stopClock();
    resolve(line);
  }

  private count(bytes: Buffer): void {
    this.printed += bytes.length;
    this.epitaph = (this.epitaph + bytes.toString("utf8")).slice(-4 * longestEpitaph);
    if (this.printed > mostPrinted) this.kill(`it printed more than ${mostPrinted / 2 ** 20} MB in one case`);
  }

  private close(code: number | null, signal: NodeJS.Signals | null): void {
    clearTimeout(this.timer);
    this.end ??= this.describeEnd(code, signal);
    for (const resolve of this.waiting.values()) resolve(undefined);
    this.waiting.clear();
    for (const stream of [this.wire, this.child.stdout!, this.child.stderr!]) stream.destroy();
  }

  private describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    if (/heap out of memory|memory grew past/.test(this.epitaph))
      return `its memory grew past ${this.bounds.megabytes} MB (--case-memory)`;
    const end = signal ? `its process was ended by ${signal}` : `its process ended with status ${code}`;
    const told = foreignText(this.epitaph.slice(-longestEpitaph), longestEpitaph);
    return told ? `${end}, having said: ${told}` : end;
  }
}

/**
 * The file, always ready to be asked: after its process has ended, which is the failure of the call at hand, or of the
 * next one, it is loaded anew.
 */
export class SubjectProcess {
  private opening: Promise<Line>;
  private readonly stop = () => this.life.kill("the verification was interrupted");
  private readonly leave = () => this.life.kill("the judge is gone");

  private constructor(
    private readonly url: string,
    private readonly bounds: Bounds,
    private readonly signal: AbortSignal,
    private life: Life,
  ) {
    this.opening = life.hello();
    signal.addEventListener("abort", this.stop);
    process.on("exit", this.leave);
  }

  /**
   * @returns the file's process and what it says of itself
   * @throws VerifyError `subject-ended` where it ends while it is loaded
   */
  static async open(url: string, bounds: Bounds, signal: AbortSignal): Promise<[SubjectProcess, Line]> {
    signal.throwIfAborted();
    const subject = new SubjectProcess(url, bounds, signal, new Life(url, bounds));
    try {
      return [subject, await subject.opening];
    } catch (error) {
      subject.close();
      throw error;
    }
  }

  /** @throws Error where the operation fails, VerifyError `subject-ended` where it takes the process with it */
  async call(operation: string, kind: Kind, values: readonly unknown[]): Promise<unknown> {
    this.signal.throwIfAborted();
    await this.opening;
    const { life } = this;
    try {
      return readAnswer(operation, kind, await life.ask(operation, kind, values));
    } finally {
      if (life.end !== undefined && life === this.life) this.begin();
    }
  }

  startCase(): void {
    this.life.startCase();
  }

  close(): void {
    this.signal.removeEventListener("abort", this.stop);
    process.off("exit", this.leave);
    this.life.kill("it is no longer needed");
  }

  private begin(): void {
    if (this.signal.aborted) return;
    this.life = new Life(this.url, this.bounds);
    this.opening = this.life.hello();
    // Whoever asks next hears of it.
    this.opening.catch(() => {});
  }
}
