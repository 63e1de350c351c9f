/** What a file may offer, by name, and what each operation must return; what numbers it may hold is the laws' affair. */

export type Kind = "number" | "names" | "tilt" | "gradient" | "row" | "rows";

export const algorithmOperations = {
  guidanceScale: "number",
  strengthNames: "names",
  solveStrength: "number",
  logPolicy: "row",
  closedFormStep: "row",
  amuletLoop: "row",
  amuletLoopRows: "rows",
  amuletCollapsed: "row",
  linearAlignment: "row",
  boundedTilt: "tilt",
  adaCad: "tilt",
  gate: "tilt",
  maskedAlignment: "row",
  transferDelta: "row",
  coSteerScale: "number",
  sample: "row",
  sampleTruncated: "row",
  countTensors: "number",
} as const satisfies Readonly<Record<string, Kind>>;

export const forwardOperations = {
  logits: "rows",
  logitsInSteps: "rows",
  lastLogitsOfRows: "rows",
  lossAndGradient: "gradient",
  countTensors: "number",
} as const satisfies Readonly<Record<string, Kind>>;

export const kindNames: Readonly<Record<Kind, string>> = {
  number: "a number",
  names: "an object with the numbers guidanceScale, gamma, linearAlignmentRatio and contextSteeringLambda",
  tilt: "an object with the number gamma and the array logPolicy",
  gradient: "an object with the number loss and gradient, a Map or an object of arrays by the tensors' names",
  row: "an array of numbers",
  rows: "an array of arrays of numbers",
};
