import { fieldLaws } from "./field.js";
import type { Law } from "./law.js";
import { memoryLaws } from "./memory.js";
import { policyLaws } from "./policy.js";
import { regretLaws } from "./regret.js";
import { samplingLaws } from "./sampling.js";
import { stepLaws } from "./step.js";
import { strengthLaws } from "./strength.js";
import { tiltLaws } from "./tilt.js";

export { describeBreach } from "./breach.js";
export { forwardLaws, forwardLawsFor } from "./forward.js";
export * from "./judgement.js";
export * from "./law.js";
export { optimiserLaws } from "./optimiser.js";
export { oracleLogits, oracleLoss } from "./oracle-logits.js";
export { measureRegret, ownUtilities, type Regret } from "./regret.js";
export { tailOf } from "./sampling.js";

/** Every law of the algorithm, from the strength alone to whole policies and draws from them. */
export const algorithmLaws: readonly Law[] = [
  ...strengthLaws,
  ...stepLaws,
  ...policyLaws,
  ...tiltLaws,
  ...fieldLaws,
  ...regretLaws,
  ...samplingLaws,
  ...memoryLaws,
];
