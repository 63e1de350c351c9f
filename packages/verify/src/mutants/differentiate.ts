/** The gradient of the oracle's loss, number by number: the reference that faults are planted in. */
import type { TinyModel } from "../arbitraries/models.js";
import { oracleLoss } from "../laws/forward/oracle-logits.js";
import { type Row, tabulate } from "../oracles/distribution.js";

/** Derivatives by every tensor, each computed when it is asked for. */
export class LazyGradient extends Map<string, Row> {
  constructor(
    private readonly model: TinyModel,
    private readonly slopes: (name: string) => Row,
  ) {
    super();
  }

  override has(name: string): boolean {
    return this.model.tensors.has(name);
  }

  override get(name: string): Row | undefined {
    return this.has(name) ? this.slopes(name) : undefined;
  }

  /** Every derivative times a factor. */
  scaled(factor: number): LazyGradient {
    return new LazyGradient(this.model, (name) => Float64Array.from(this.slopes(name), (v) => v * factor));
  }

  /** Every matrix transposed. */
  turned(): LazyGradient {
    return new LazyGradient(this.model, (name) => {
      const slopes = this.slopes(name);
      const [rows, columns] = this.model.tensors.get(name)!.shape;
      if (columns === undefined) return slopes;
      return tabulate(slopes.length, (i) => slopes[(i % rows!) * columns + Math.floor(i / rows!)]!);
    });
  }
}

/** What a type would have to keep to be as right as {@link differentiate}. */
export const roundoffOfDifferences = 2 ** -32;

/** Central differences at 2^-17: the oracle's loss keeps 2^-50, so that some 33 bits of a slope are right. */
export function differentiate(model: TinyModel, tokens: readonly number[]) {
  const step = 2 ** -17;
  const slopes = (name: string) => {
    const { shape, data } = model.tensors.get(name)!;
    const lossWith = (i: number, moved: number) => {
      const tensor = { shape, data: tabulate(data.length, (j) => data[j]! + (i === j ? moved : 0)) };
      return oracleLoss({ ...model, tensors: new Map([...model.tensors, [name, tensor]]) }, tokens);
    };
    return tabulate(data.length, (i) => (lossWith(i, step) - lossWith(i, -step)) / (2 * step));
  };
  return { loss: oracleLoss(model, tokens), gradient: new LazyGradient(model, slopes) };
}
