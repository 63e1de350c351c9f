/** The studies: of the embedded model, which answers here, and of real ones, whose answers are kept. */
import { type Signal, signal } from "@preact/signals-core";
import type { RealStudyName } from "../../src/state.js";
import type { KeptAnswers, Pair, Study } from "../../src/study.js";
import study from "../../src/study.json" with { type: "json" };
import { texts } from "../texts.js";

export const embeddedStudy: Study = { ...study, measures: ["preference", "grammaticality", "relevance"] };
export const embeddedPairs: readonly Pair[] = study.pairs;

/** Why the last of them did not come. */
export const failure = signal("");

/** Fetched when it is asked for, once; undefined until it is there. What failed is tried again with the next wish. */
function whenAsked<Value>(load: (name: RealStudyName) => Promise<Value>) {
  const known = new Map<RealStudyName, Signal<Value | undefined>>();
  const start = (name: RealStudyName) => {
    const fetched = signal<Value | undefined>(undefined);
    known.set(name, fetched);
    load(name).then(
      (value) => {
        fetched.value = value;
        failure.value = "";
      },
      (error: Error) => {
        known.delete(name);
        failure.value = texts.study.failed(error.message);
      },
    );
    return fetched;
  };
  return (name: RealStudyName) => (known.get(name) ?? start(name)).value;
}

async function get(path: string): Promise<Response> {
  const response = await fetch(new URL(`study/${path}`, document.baseURI));
  if (!response.ok) throw new Error(texts.model.serverSaid(response.status));
  return response;
}

export const realStudy = whenAsked(async (name) => (await get(`${name}.json`)).json() as Promise<Study>);

/** Compressed as a file: hosts compress what they know as text. */
export const keptAnswers = whenAsked(async (name) => {
  const { body } = await get(`${name}-answers.bin`);
  const text = new Response(body!.pipeThrough(new DecompressionStream("gzip")));
  return text.json() as Promise<KeptAnswers>;
});
