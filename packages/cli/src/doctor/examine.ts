/** Every backend, one after the other, each in a process of its own: one that crashes takes nothing with it. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BackendName } from "@amulet-ts/backends";
import type { Measurement } from "./measure-backend.js";

/** What became of one backend. */
export type Examination =
  | { readonly name: BackendName; readonly measurement: Measurement }
  | { readonly name: BackendName; readonly code: string; readonly why: string };

/** Far longer than a slow machine needs, so that what hangs is not waited for without end. */
const patienceMilliseconds = 300_000;

/** Lines of a crashed process's standard error that are told. */
const toldLines = 3;

export type Examine = (name: BackendName, folder: string, signal: AbortSignal) => Promise<Examination>;

/** Examines a backend in a process of its own. */
export const examineApart: Examine = (name, folder, signal) =>
  new Promise((resolve, reject) => {
    const path = fileURLToPath(new URL("./measure-process.js", import.meta.url));
    // 64-bit numbers and infinities travel whole.
    const options = {
      silent: true,
      serialization: "advanced",
      signal,
      timeout: patienceMilliseconds,
    } as const;
    const child = fork(path, [name, folder], options);
    let told = "";
    let answer: object | undefined;
    child.stderr!.on("data", (text) => {
      told += text;
    });
    child.on("message", (message: object) => {
      answer = message;
    });
    child.on("error", (error) => (signal.aborted ? reject(error) : resolve(failed(name, error.message))));
    child.on("close", (code, killedBy) => {
      if (answer) resolve({ name, ...answer } as Examination);
      else resolve(failed(name, describeEnd(code, killedBy, told)));
    });
  });

function failed(name: BackendName, why: string): Examination {
  return { name, code: "crashed", why };
}

function describeEnd(code: number | null, killedBy: string | null, told: string): string {
  const end = killedBy ? `its process was ended by ${killedBy}` : `its process ended with status ${code}`;
  const last = told.trim().split("\n").slice(-toldLines).join(" / ");
  return last ? `${end}: ${last}` : end;
}
