/**
 * The value below which a share of a sorted list lies, with a straight line between neighbours (Hyndman and Fan 1996,
 * type 7: what R, NumPy and spreadsheets give).
 *
 * @param sorted ascending, not empty
 * @param share between 0 (the smallest value) and 1 (the largest)
 */
export function quantileOfSorted(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  const [low, high] = [sorted[below]!, sorted[above]!];
  return low + (place - below) * (high - low);
}
