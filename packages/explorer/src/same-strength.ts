/** Where different T and α give one and the same x. */
import { type AmuletParameters, guidanceTrajectory } from "@amulet-ts/core";

export interface LinePoint {
  readonly iterations: number;
  readonly alpha: number;
}

export const mostAlpha = 4;
const grid = Array.from({ length: 81 }, (_, i) => (mostAlpha * i) / 80);

/** For each x its line, over T from 1 to `mostIterations`; α between two of the grid's by interpolation. */
export function linesOfSameStrength(
  { lambda, eta }: Pick<AmuletParameters, "lambda" | "eta">,
  strengths: readonly number[],
  mostIterations: number,
): ReadonlyMap<number, readonly LinePoint[]> {
  const trajectories = grid.map((alpha) =>
    guidanceTrajectory({ iterations: mostIterations, alpha, lambda, eta }),
  );
  const lineOf = (x: number) =>
    Array.from({ length: mostIterations }, (_, i) => i + 1).flatMap((iterations) => {
      const alpha = crossing(
        trajectories.map((xs) => xs[iterations]!),
        x,
      );
      return alpha === undefined ? [] : [{ iterations, alpha }];
    });
  return new Map(strengths.map((x) => [x, lineOf(x)]));
}

/** x grows with α. */
function crossing(xs: readonly number[], x: number): number | undefined {
  const above = xs.findIndex((value) => value >= x);
  if (above < 1) return undefined;
  const [low, high] = [xs[above - 1]!, xs[above]!];
  return grid[above - 1]! + ((grid[above]! - grid[above - 1]!) * (x - low)) / (high - low);
}
