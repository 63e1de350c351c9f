/** Writes a Llama of TinyLlama's shape with random bf16 weights; `sparse` leaves a hole in their place. */
export function makeLargeCheckpoint(wanted: {
  readonly folder: string;
  readonly blocks?: number;
  readonly sparse?: boolean;
}): Promise<void>;
