/** The learning rate: up along a line, down along half a cosine. */
export interface Schedule {
  readonly steps: number;
  readonly warmUp: number;
  readonly peak: number;
  /** Share of the peak that is left at the last step. */
  readonly floor: number;
}

/** @param step the first is 0 */
export function learningRate({ steps, warmUp, peak, floor }: Schedule, step: number): number {
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  const share = Math.min(1, (step - warmUp) / Math.max(1, steps - 1 - warmUp));
  return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * share)));
}
