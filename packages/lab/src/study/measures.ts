import type { MeasureOf } from "@amulet-ts/eval";
import type { LabScore } from "../scores/scorer.js";

/** What the study reports, in its order: the world's scores, and `drift` in nats per token. */
export const measures = ["preference", "grammaticality", "relevance", "drift"] as const;
export type Measure = MeasureOf<LabScore>;
