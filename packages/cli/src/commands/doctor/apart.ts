/** Runs a script in a process of its own: one that crashes or hangs takes nothing with it. */
import { fork } from "node:child_process";

/** What the script sent, or how it ended without. */
export type Outcome<Answer> = { readonly answer: Answer } | { readonly why: string };

export interface Patience {
  readonly signal: AbortSignal;
  /** Far longer than a slow machine needs, so that what hangs is not waited for without end. */
  readonly milliseconds?: number;
}

/** Lines of a crashed process's standard error that are told. */
const toldLines = 3;

/**
 * @param script a module that sends its answer with `process.send` and ends
 * @throws the signal's reason
 */
export function runApart<Answer>(
  script: string | URL,
  words: readonly string[],
  { signal, milliseconds = 300_000 }: Patience,
): Promise<Outcome<Answer>> {
  return new Promise((resolve, reject) => {
    // 64-bit numbers and infinities travel whole. What computes in native code may not listen to SIGTERM.
    const options = { silent: true, serialization: "advanced", signal, killSignal: "SIGKILL" } as const;
    const child = fork(script, words, options);
    const [told, answers]: [string[], Answer[]] = [[], []];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, milliseconds);
    child.stdout!.resume();
    child.stderr!.on("data", (text) => told.push(String(text)));
    child.on("message", (message) => answers.push(message as Answer));
    child.on("error", (error) => (signal.aborted ? reject(error) : resolve({ why: error.message })));
    child.on("close", (code, killedBy) => {
      clearTimeout(timer);
      if (answers.length > 0) resolve({ answer: answers[0]! });
      else if (late) resolve({ why: `it did not end within ${milliseconds / 1000} s` });
      else resolve({ why: describeEnd(code, killedBy, told.join("")) });
    });
  });
}

function describeEnd(code: number | null, killedBy: string | null, told: string): string {
  const end = killedBy ? `its process was ended by ${killedBy}` : `its process ended with status ${code}`;
  const last = told.trim().split("\n").slice(-toldLines).join(" / ");
  return last ? `${end}: ${last}` : end;
}
