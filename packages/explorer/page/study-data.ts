/** The studies whose curves are drawn: of the embedded model, which answers here, and of a real one, whose scores are kept. */
import { signal } from "@preact/signals-core";
import type { Study } from "../src/study.js";
import study from "../src/study.json" with { type: "json" };

export const embeddedStudy: Study = { ...study, measures: ["preference", "grammaticality", "relevance"] };

/** Fetched when it is asked for. */
export const realStudy = signal<Study | undefined>(undefined);
let isFetched = false;

export async function fetchRealStudy(): Promise<void> {
  if (isFetched) return;
  isFetched = true;
  const response = await fetch(new URL("study/smollm2.json", document.baseURI));
  realStudy.value = { ...(await response.json()), measures: ["preference", "fluency", "relevance"] } as Study;
}
