/** Three candidates and the rest, and what happens among them: a place in a tetrahedron, the path of x, level lines, a climb. */
import { type AmuletParameters, guidanceTrajectory } from "@amulet-ts/core";
import { divergence, type LogPolicy, type Place, tiltPolicy } from "./policy.js";

/** The probabilities of three tokens and of all others together. */
export type Masses = readonly number[];

export function massesOf(log_V: LogPolicy, ids: readonly number[]): Masses {
  const three = ids.map((id) => Math.exp(log_V[id]!));
  return [...three, Math.max(0, 1 - three.reduce((sum, mass) => sum + mass, 0))];
}

/** To the right, and downwards. */
export type Point = readonly [x: number, y: number];

/** A regular tetrahedron, as it is seen from afar. */
export interface View {
  /** Of the three and of the rest. */
  readonly corners: readonly Point[];
  /** Pairs of corners; those behind the body are hidden. */
  readonly edges: readonly { readonly ends: readonly [number, number]; readonly isHidden: boolean }[];
  pointOf(masses: Masses): Point;
}

const radius = 1 / Math.sqrt(3);
const depth = Math.sqrt(2 / 3);
/** x to the right, y upwards, z to the eye: the three candidates' side is in front. */
const solid = [
  [-0.5, -radius / 2, depth / 4],
  [0.5, -radius / 2, depth / 4],
  [0, radius, depth / 4],
  [0, 0, (-3 * depth) / 4],
] as const;

/** @param turn degrees about the vertical, then towards the eye */
export function viewFrom([about, towards]: readonly [number, number]): View {
  const [yaw, pitch] = [(about * Math.PI) / 180, (towards * Math.PI) / 180];
  const turned = solid.map(([x, y, z]) => {
    const [across, back] = [x * Math.cos(yaw) + z * Math.sin(yaw), z * Math.cos(yaw) - x * Math.sin(yaw)];
    return [
      across,
      y * Math.cos(pitch) - back * Math.sin(pitch),
      back * Math.cos(pitch) + y * Math.sin(pitch),
    ] as const;
  });
  const corners = turned.map(([x, y]): Point => [x, 0 - y]);
  const isBehind = (apart: number) => turned[apart]![2] > 0;
  const pairs = [0, 1, 2, 3].flatMap((one) =>
    [1, 2, 3].filter((other) => other > one).map((other) => [one, other] as const),
  );
  const edges = pairs.map((ends) => {
    const others = [0, 1, 2, 3].filter((corner) => !ends.includes(corner));
    return { ends, isHidden: others.every(isBehind) };
  });
  const pointOf = (masses: Masses): Point => {
    const sum = (axis: 0 | 1) => masses.reduce((total, mass, i) => total + mass * corners[i]![axis], 0);
    return [sum(0), sum(1)];
  };
  return { corners, edges, pointOf };
}

/**
 * The problem whose maximiser the policy is: ⟨drive·Δ, π⟩ − λ KL(π ‖ π_pref) − proximal·KL(π ‖ π_current), where
 * π_current stands at x = `current`.
 */
export interface StepProblem {
  readonly drive: number;
  readonly lambda: number;
  readonly proximal: number;
  readonly current: number;
}

/** The last of T steps, as the paper states it. */
export function lastStep(parameters: AmuletParameters): StepProblem {
  const { iterations, alpha, lambda, eta } = parameters;
  if (iterations === 0) return oneStepTo(1);
  const xs = guidanceTrajectory({ ...parameters, iterations: iterations - 1 });
  const mean = xs.reduce((sum, x) => sum + x, 0) / xs.length;
  return { drive: alpha * mean, lambda, proximal: 1 / (eta * iterations), current: xs.at(-1)! };
}

/** One step that leads to x by itself: Linear Alignment's, with γ = x − 1. */
export function oneStepTo(x: number): StepProblem {
  return { drive: x - 1, lambda: 1, proximal: 0, current: 1 };
}

/** The problem's value at a policy. */
export function objective(place: Place, problem: StepProblem, log_V: LogPolicy): number {
  const { drive, lambda, proximal, current } = problem;
  let utility = 0;
  for (let id = 0; id < log_V.length; id++)
    utility += Math.exp(log_V[id]!) * drive * (place.preference[id]! - place.base[id]!);
  const pull = lambda * divergence(log_V, tiltPolicy(place, 1));
  return utility - pull - proximal * divergence(log_V, tiltPolicy(place, current));
}

/**
 * Gradient ascent from the preference policy, by steps on the logarithms (the simplex's natural gradient); `pace` is
 * the share of the step that would end at the maximum. It knows nothing of the closed form.
 */
export function* ascend(place: Place, problem: StepProblem, pace = 0.08): Generator<Float64Array, never> {
  const { drive, lambda, proximal, current } = problem;
  const [preference_V, current_V] = [tiltPolicy(place, 1), tiltPolicy(place, current)];
  let log_V = preference_V;
  for (;;) {
    yield log_V;
    const gradient_V = log_V.map((log, id) => {
      const utility = drive * (place.preference[id]! - place.base[id]!);
      return utility - lambda * (log - preference_V[id]!) - proximal * (log - current_V[id]!);
    });
    const climbed = log_V.map((log, id) => log + (pace / (lambda + proximal)) * gradient_V[id]!);
    log_V = tiltPolicy({ base: climbed, preference: climbed }, 1);
  }
}

/**
 * The outline of all policies at KL(π ‖ best) = `nats`, which by the gap identity are those of one height of the objective, as the
 * view shows them. The policy of such a set that lies furthest in a direction u is best·exp(t u), normalised.
 */
export function outline(best: Masses, nats: number, { corners }: View, count = 60): Masses[] {
  const logs = best.map((mass) => Math.log(Math.max(mass, 1e-300)));
  return Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / count;
    const along = corners.map(([x, y]) => x * Math.cos(angle) + y * Math.sin(angle));
    const masses = [0, 0, 0, 0];
    let [low, high] = [0, 1];
    while (high < 4096 && lean(logs, along, high, masses) <= nats) [low, high] = [high, 2 * high];
    for (let halving = 0; halving < 28; halving++) {
      const far = (low + high) / 2;
      if (lean(logs, along, far, masses) <= nats) low = far;
      else high = far;
    }
    lean(logs, along, low, masses);
    return masses;
  });
}

/** In every frame some thousand times, so without arrays of its own. @returns the divergence from where it leans away */
function lean(logs: readonly number[], along: readonly number[], far: number, masses: number[]): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 4; i++) most = Math.max(most, logs[i]! + far * along[i]!);
  let sum = 0;
  for (let i = 0; i < 4; i++) {
    masses[i] = Math.exp(logs[i]! + far * along[i]! - most);
    sum += masses[i]!;
  }
  let mean = 0;
  for (let i = 0; i < 4; i++) {
    masses[i]! /= sum;
    mean += masses[i]! * along[i]!;
  }
  return far * mean - most - Math.log(sum);
}
