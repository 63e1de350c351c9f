/** How a checkpoint's tensors differ from those that its config announces, in one error. */
import { ModelError } from "../errors.js";

/** As many names as an error lists of each kind before it only counts. */
const mostNamed = 12;

/** How many there are, one that several parameters are made of once, and the first few by name. */
class Tally {
  private readonly names = new Set<string>();

  constructor(private readonly kind: string) {}

  get count(): number {
    return this.names.size;
  }

  add(name: string): void {
    this.names.add(name);
  }

  describe(): string {
    if (this.count === 0) return "";
    const first = [...this.names].slice(0, mostNamed).join(", ");
    return `${this.count} ${this.kind} (${first}${this.count > mostNamed ? ", …" : ""})`;
  }
}

export class TensorProblems {
  readonly missing = new Tally("missing");
  readonly misshapen = new Tally("misshapen");
  readonly unexpected = new Tally("unexpected");

  throwIfAny(path: string): void {
    const { missing, misshapen, unexpected } = this;
    if (missing.count + misshapen.count + unexpected.count === 0) return;
    const sentences = [missing, misshapen, unexpected]
      .map((tally) => tally.describe())
      .filter((sentence) => sentence !== "");
    const code = missing.count > 0 || misshapen.count === 0 ? "missing-tensor" : "bad-tensor-shape";
    throw new ModelError(
      code,
      `${path}: its tensors are not those that its config announces: ${sentences.join("; ")}. ` +
        "The file may be damaged, or made for another architecture than it names.",
    );
  }
}
