/**
 * `npm run figures`: optimisers that do not know the closed form of a step, on their way to it, with the theory of
 * those that have one. Writes docs/verification/convergence.json and .svg.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const { startBackend } = await import("@amulet-ts/backends");
const { adamStages, ascendByAutodiff, ascendMirror, ascendProjected, oracles, safeFloor, solveDual } =
  await import("@amulet-ts/verify");
const { drawConvergence } = await import("./figures/draw-convergence.mjs");
const { closedForm, curvature, kl, logSoftmax, objective, probabilities, totalVariation } = oracles;

await startBackend("wasm");
const panels = [
  await measure("1,000 tokens", { size: 1000, spread: 3, rate: 5, mirrorPaces: [0.5, 0.1] }),
  await measure("5 tokens", { size: 5, spread: 0.5, rate: 0.5, mirrorPaces: [0.5, 0.1], projected: 2000 }),
];
const target = (name) => join(root, "docs/verification", name);
writeFileSync(target("convergence.json"), `${JSON.stringify({ panels })}\n`);
writeFileSync(target("convergence.svg"), drawConvergence(panels));
for (const { title, curves } of panels) {
  for (const { name, finalTotalVariation } of curves)
    console.log(`${title}, ${name}: total variation ${finalTotalVariation} at the end`);
}

/** Every optimiser on one problem from one start. */
async function measure(title, { size, spread, rate, mirrorPaces, projected }) {
  const problem = {
    meanUtility: noise(1, size, spread),
    logReference: logSoftmax(noise(2, size, spread)),
    logCurrent: logSoftmax(noise(3, size, spread)),
    lambda: 2,
    proximal: 1 / 30,
  };
  const logStart = logSoftmax(noise(4, size, 1));
  const optimum = { problem, logStart, best: closedForm(problem) };
  const curves = mirrorPaces.map((pace) => followMirror(optimum, pace));
  curves.push(followDual(problem));
  if (projected) curves.push(followProjected(optimum, projected));
  for (const optimiser of ["adam", "momentum", "sgd"])
    curves.push(await followAutodiff(optimum, optimiser, rate));
  return { title, size, lambda: problem.lambda, proximal: problem.proximal, curves };
}

/** The log-odds errors shrink by exactly 1 − pace a step: the theory's curve is known before the first step. */
function followMirror({ problem, logStart, best }, pace) {
  const { logPolicies } = ascendMirror(problem, { logStart, iterations: pace < 0.5 ? 400 : 60, pace });
  const start = best.map((value, a) => logStart[a] - value);
  const theory = logPolicies.map((_, k) => {
    const left = (1 - pace) ** k;
    return curvature(problem) * kl(logSoftmax(best.map((value, a) => value + left * start[a])), best);
  });
  return describe(`mirror ascent, pace ${pace}`, "float64", problem, best, logPolicies, theory);
}

/** The duality gap c (S − 1 − log S) at total mass S, and log S becoming at most half its square. */
function followDual(problem) {
  const { masses, logPolicy } = solveDual(problem);
  const gap = (excess) => curvature(problem) * Math.max(0, Math.expm1(excess) - excess);
  const excesses = masses.map((mass) => Math.log(mass));
  const bounds = excesses.map((_, k) => (k === 0 ? excesses[0] : excesses[k - 1] ** 2 / 2));
  return {
    name: "Newton on the dual",
    type: "float64",
    points: thin(excesses.map(gap)),
    theory: thin(bounds.map(gap)),
    finalTotalVariation: round(totalVariation(logPolicy, closedForm(problem))),
  };
}

/** The squared distance shrinks by 1 − floor a step, and the gap is at most L/2 of it. */
function followProjected({ problem, logStart, best }, iterations) {
  const floor = safeFloor(problem);
  const { logPolicies } = ascendProjected(problem, { logStart, iterations, floor });
  const [from, to] = [probabilities(logPolicies[0]), probabilities(best)];
  const distance = from.reduce((sum, p, a) => sum + (p - to[a]) ** 2, 0);
  const smoothness = curvature(problem) / floor;
  const theory = logPolicies.map((_, k) => (smoothness / 2) * distance * (1 - floor) ** k);
  return describe("projected gradient", "float64", problem, best, logPolicies, theory);
}

async function followAutodiff({ problem, logStart, best }, optimiser, rate) {
  const logPolicies = [];
  const stages =
    optimiser === "adam"
      ? adamStages
      : [{ learningRate: optimiser === "sgd" ? rate : rate / 10, steps: 460 }];
  const onStep = ({ logPolicy }) => logPolicies.push(logSoftmax(logPolicy));
  logPolicies.push(
    logSoftmax(await ascendByAutodiff(problem, { optimiser, stages, start: logStart, onStep })),
  );
  return describe(optimiser, "float32", problem, best, logPolicies);
}

function describe(name, type, problem, best, logPolicies, theory) {
  const top = objective(problem, best);
  return {
    name,
    type,
    points: thin(logPolicies.map((logPolicy) => top - objective(problem, logPolicy))),
    ...(theory && { theory: thin(theory) }),
    finalTotalVariation: round(totalVariation(logPolicies.at(-1), best)),
  };
}

/** Values by iteration; ever fewer of them, since the axis is logarithmic. */
function thin(values) {
  const kept = values.map((gap, iteration) => ({ iteration, gap: round(gap) }));
  return kept.filter(({ iteration }) => iteration < 40 || iteration % Math.ceil(iteration / 40) === 0);
}

function round(value) {
  return Number(value.toPrecision(4));
}

/** Roughly normal noise, twelve uniforms less six, from a linear congruential generator. */
function noise(seed, size, spread) {
  let state = (seed * 2654435761) >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float64Array.from({ length: size }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum * spread;
  });
}
