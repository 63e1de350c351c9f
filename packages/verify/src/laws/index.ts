import type { Law } from "./law.js";
import { policyLaws } from "./policy.js";
import { stepLaws } from "./step.js";
import { strengthLaws } from "./strength.js";
import { tiltLaws } from "./tilt.js";

export * from "./law.js";

/** Every law of the algorithm, from the strength alone to whole policies. */
export const algorithmLaws: readonly Law[] = [...strengthLaws, ...stepLaws, ...policyLaws, ...tiltLaws];
