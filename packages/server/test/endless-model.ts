/** A model for answers that are under way while something else happens. */
import { hashedLogits } from "@amulet-ts/testing/models/hashed-logits";
import { ToyModel } from "@amulet-ts/testing/models/toy-model";

/** Goes on until it is ended, and can be made to fail. */
export class EndlessModel extends ToyModel {
  fails = false;

  constructor() {
    const tangled = hashedLogits(64);
    super(
      (row) => {
        if (this.fails) throw new Error("the device is lost");
        return tangled(row);
      },
      64,
      new Set(),
      100_000,
    );
  }

  renderChat(messages: readonly { readonly content: string }[]) {
    const prompt = messages.map(({ content }) => content).join("\n");
    return { prompt, ids: [...prompt].map((character) => character.charCodeAt(0) % 64) };
  }

  textStream() {
    return { push: (id: number) => String.fromCharCode(48 + id), flush: () => "" };
  }
}
