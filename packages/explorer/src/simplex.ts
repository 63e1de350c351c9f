/** Three candidates and what happens among them: a place in a triangle, the path of x, level lines, a climb. */
import { type AmuletParameters, guidanceTrajectory } from "@amulet-ts/core";
import { divergence, type LogPolicy, type Place, tiltPolicy } from "./policy.js";

/** Logarithms of three probabilities that sum to one. */
export type LogThree = LogPolicy;

/** Given that one of the three is said. */
export function amongThree(log_V: LogPolicy, ids: readonly number[]): Float64Array {
  const three = ids.map((id) => log_V[id]!);
  return tiltPolicy({ base: three, preference: three }, 1);
}

export function placeAmongThree({ base, preference }: Place, ids: readonly number[]): Place {
  return { base: amongThree(base, ids), preference: amongThree(preference, ids) };
}

/** How much the three leave to all the others. */
export function massOfRest(log_V: LogPolicy, ids: readonly number[]): number {
  return Math.max(0, 1 - ids.reduce((sum, id) => sum + Math.exp(log_V[id]!), 0));
}

const height = Math.sqrt(3) / 2;

/** In a triangle with corners (0, 0), (1, 0) and (½, −√3/2): x to the right, y downwards. */
export function pointOf(log_3: LogThree): readonly [x: number, y: number] {
  const [, right, top] = Array.from(log_3, Math.exp);
  return [right! + top! / 2, -height * top!];
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
 * The closed line of policies among three at KL(π ‖ best) = `nats`; by the gap identity the objective is the same all
 * along it. Where the triangle's side is nearer than that, the line runs along the side.
 */
export function levelLine(best_3: LogThree, nats: number, corners = 60): (readonly [number, number])[] {
  const middle = Array.from(best_3, Math.exp);
  return Array.from({ length: corners + 1 }, (_, corner) => {
    const angle = (2 * Math.PI * corner) / corners;
    const direction = [0, 1, 2].map((axis) => Math.cos(angle - (2 * Math.PI * axis) / 3));
    const far = reach(best_3, middle, direction, nats);
    return pointOf(middle.map((p, axis) => Math.log(Math.max(0, p + far * direction[axis]!))));
  });
}

/** How far it is from the middle to where the divergence is `nats`, or to the triangle's side. */
function reach(
  best_3: LogThree,
  middle: readonly number[],
  direction: readonly number[],
  nats: number,
): number {
  let [low, high] = [0, 2];
  for (let axis = 0; axis < 3; axis++)
    if (direction[axis]! < 0) high = Math.min(high, middle[axis]! / -direction[axis]!);
  for (let halving = 0; halving < 22; halving++) {
    const far = (low + high) / 2;
    let divergence = 0;
    for (let axis = 0; axis < 3; axis++) {
      const p = middle[axis]! + far * direction[axis]!;
      if (p > 0) divergence += p * (Math.log(p) - best_3[axis]!);
    }
    if (divergence <= nats) low = far;
    else high = far;
  }
  return low;
}
