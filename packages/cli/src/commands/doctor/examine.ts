/** Every backend, one after the other, each in a process of its own. */
import type { BackendName, Candidates } from "@amulet-ts/backends";
import { runApart } from "./apart.js";
import type { Measurement } from "./measure-backend.js";

/** What became of one backend. */
export type Examination =
  | { readonly name: BackendName; readonly measurement: Measurement }
  | { readonly name: BackendName; readonly code: string; readonly why: string };

export type Examine = (name: BackendName, folder: string, signal: AbortSignal) => Promise<Examination>;

/** Examines a backend in a process of its own. */
export const examineApart: Examine = async (name, folder, signal) => {
  const script = new URL("./measure-process.js", import.meta.url);
  const outcome = await runApart<object>(script, [name, folder], { signal });
  if ("why" in outcome) return { name, code: "crashed", why: outcome.why };
  return { name, ...outcome.answer } as Examination;
};

export type FindCandidates = (signal: AbortSignal) => Promise<Candidates>;

/** What may run without --backend. To find out loads a graphics card's driver, hence apart. */
export const candidatesApart: FindCandidates = async (signal) => {
  const script = new URL("./choose-process.js", import.meta.url);
  const outcome = await runApart<Candidates>(script, [], { signal });
  if ("answer" in outcome) return outcome.answer;
  return { names: ["wasm"], passedOver: [`Looking for a graphics card failed: ${outcome.why}.`] };
};
