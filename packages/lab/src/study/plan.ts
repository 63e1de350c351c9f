/** What the study turns through. */
import { type CurvePlan, paperStrength } from "@amulet-ts/eval";

/** The curves of docs/study.md. */
export const studyPlan: CurvePlan = {
  strengths: [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, paperStrength, 6, 8, 10, 12],
  iterations: [0, 1, 2, 5, 10, 20, 40, 60, 100],
  exactIterations: [2, 20, 60],
  budgets: [0, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
  ratios: [0, 1, 2, 3, 4, 5, 7, 11],
};
