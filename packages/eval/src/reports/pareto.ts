/**
 * Which points are on the front: no other point has at least as much of every coordinate and more of one.
 *
 * @param points of equal length, more being better in each coordinate
 */
export function paretoFront(points: readonly (readonly number[])[]): boolean[] {
  const beats = (a: readonly number[], b: readonly number[]) =>
    a.every((value, i) => value >= b[i]!) && a.some((value, i) => value > b[i]!);
  return points.map((point) => !points.some((other) => beats(other, point)));
}
