import { fieldLaws } from "./algorithm/field.js";
import { policyLaws } from "./algorithm/policy.js";
import { regretLaws } from "./algorithm/regret.js";
import { samplingLaws } from "./algorithm/sampling.js";
import { stepLaws } from "./algorithm/step.js";
import { strengthLaws } from "./algorithm/strength.js";
import { tiltLaws } from "./algorithm/tilt.js";
import type { Law } from "./law.js";
import { memoryLaws } from "./memory.js";

export { tailOf } from "./algorithm/sampling.js";
export { describeBreach } from "./breach.js";
export { forwardLaws, forwardLawsFor } from "./forward/forward.js";
export { oracleLogits } from "./forward/oracle-logits.js";
export * from "./judgement.js";
export * from "./law.js";
export * from "./law-report.js";
export { optimiserLaws } from "./optimiser.js";

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
