/** One answer under way, at some node of the tree. */
import type { ChatModel, Choose, TextStream } from "@amulet-ts/core";
import type { PairAnswer } from "./answer-pairs.js";

export class AnswerInTree {
  ended = false;
  private reason: PairAnswer["finishReason"] = "length";
  private readonly stream: TextStream;
  private readonly generated: number[] = [];
  private text = "";
  private drift = 0;

  /** @param node where it stands; at first the number of its pair */
  constructor(
    private readonly model: ChatModel,
    private readonly choose: Choose,
    private readonly longest: number,
    public node: number,
  ) {
    this.stream = model.textStream();
  }

  get lastToken(): number {
    return this.generated.at(-1)!;
  }

  /** Takes the next token, or the end. @param drift KL(π ‖ π_pref) here, in nats */
  chooseFrom(logPolicy_V: Float32Array, drift: number): void {
    const { endTokens } = this.model;
    const id = this.choose(logPolicy_V, { generated: this.generated, endTokens });
    if (endTokens.has(id)) {
      this.reason = "stop";
      this.ended = true;
      return;
    }
    this.generated.push(id);
    this.text += this.stream.push(id);
    this.drift += drift;
    this.ended = this.generated.length >= this.longest;
  }

  finish(): PairAnswer {
    const tokens = this.generated.length;
    return {
      text: this.text + this.stream.flush(),
      tokens,
      finishReason: this.reason,
      drift: tokens === 0 ? null : Math.max(0, this.drift) / tokens,
    };
  }
}
