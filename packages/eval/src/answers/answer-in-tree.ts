/** One answer under way, at some node of the tree. */
import type { ChatModel, ChoiceContext, Choose, TextStream } from "@amulet-ts/core";
import type { PairAnswer } from "./answer-pairs.js";

export class AnswerInTree {
  ended = false;
  private reason: PairAnswer["finishReason"] = "length";
  private readonly stream: TextStream;
  private readonly generated: number[] = [];
  private text = "";
  private drift = 0;

  /**
   * @param choose how a token is drawn from a policy; undefined takes the most probable one
   * @param node where it stands; at first the number of its pair
   */
  constructor(
    private readonly model: ChatModel,
    readonly choose: Choose | undefined,
    private readonly longest: number,
    public node: number,
  ) {
    this.stream = model.textStream();
  }

  get lastToken(): number {
    return this.generated.at(-1)!;
  }

  /** What a choice may look at besides the policy. */
  get context(): ChoiceContext {
    return { generated: this.generated, endTokens: this.model.endTokens };
  }

  /** Takes the next token, or the end. @param drift KL(π ‖ π_pref) here, in nats */
  take(id: number, drift: number): void {
    if (this.model.endTokens.has(id)) {
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
