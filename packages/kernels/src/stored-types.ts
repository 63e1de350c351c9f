/** The types of weights that are multiplied as they are. Sizes and numbers are GGUF's; the decoders are in assembly/. */
export interface StoredType {
  readonly name: string;
  /** GGUF's number, by which assembly/decode.ts knows it. */
  readonly id: number;
  readonly blockSize: number;
  readonly bytesPerBlock: number;
  /** What a block has under a scale: numbers below zero too, or from 0 up and an offset. */
  readonly codes?: "signed" | "unsigned";
}

const types: readonly StoredType[] = [
  { name: "F32", id: 0, blockSize: 1, bytesPerBlock: 4 },
  { name: "F16", id: 1, blockSize: 1, bytesPerBlock: 2 },
  { name: "BF16", id: 30, blockSize: 1, bytesPerBlock: 2 },
  { name: "Q4_0", id: 2, blockSize: 32, bytesPerBlock: 18, codes: "unsigned" },
  { name: "Q4_1", id: 3, blockSize: 32, bytesPerBlock: 20, codes: "unsigned" },
  { name: "Q5_0", id: 6, blockSize: 32, bytesPerBlock: 22, codes: "unsigned" },
  { name: "Q5_1", id: 7, blockSize: 32, bytesPerBlock: 24, codes: "unsigned" },
  { name: "Q8_0", id: 8, blockSize: 32, bytesPerBlock: 34, codes: "signed" },
  { name: "Q4_K", id: 12, blockSize: 256, bytesPerBlock: 144, codes: "unsigned" },
  { name: "Q5_K", id: 13, blockSize: 256, bytesPerBlock: 176, codes: "unsigned" },
  { name: "Q6_K", id: 14, blockSize: 256, bytesPerBlock: 210, codes: "signed" },
];

export const storedTypes: ReadonlyMap<string, StoredType> = new Map(types.map((type) => [type.name, type]));
