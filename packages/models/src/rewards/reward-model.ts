import "@amulet-ts/core/disposal";
import { type ChatMessage, type Next, prefill, type TokenRow } from "@amulet-ts/core";
import { type Checkpoint, type Place, renderedChatIds } from "@amulet-ts/files";
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.js";
import type { FamilyConfig, ForwardPass, ParameterTree } from "../family.js";
import { keepIfSound, type LoadModelOptions, loadPass, withCheckpoint } from "../loading/load-model.js";
import { disposeParameters } from "../loading/parameter-tree.js";
import { planFamily } from "../loading/plan-model.js";
import { openTensorSession, toPortSession } from "../session.js";
import { type Gate, mixRewards, readGate } from "./gate.js";
import { findRewardKind, gatedHead, scoreHead } from "./reward-families.js";

/** What a reward model makes of one answer. */
export interface Rating {
  /** Every head's number, of the last token's state. */
  readonly heads: readonly number[];
  /** The one number that the model is for: its only head, or the gated mixture of several; null where there are several and no gate. */
  readonly score: number | null;
}

/** A chat as the model reads it. */
export interface RatedRow {
  readonly ids: TokenRow;
  /** Index of the token whose state is gated: the last one before the answer's turn. Only a gated model reads it. */
  readonly gateAt?: number;
}

/** A model that rates answers; it holds tensors until disposed. */
export interface RewardModel {
  readonly name: string;
  readonly headCount: number;
  readonly contextLength: number;
  /** The chat, whose last message is the answer, by the model's template, without a prompt to go on. */
  render(chat: readonly ChatMessage[]): RatedRow;
  /**
   * Rates rows side by side, of whatever lengths: each gets what it would get alone, but for float32's rounding.
   *
   * @throws ModelError `bad-token`, `context-overflow`; CoreError `aborted`
   */
  rate(rows: readonly RatedRow[], signal?: AbortSignal): Promise<Rating[]>;
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Loads a reward model onto the running backend: a folder in Hugging Face's layout with transformers' sequence
 * classification head (`score.weight [R, D]`) on Llama, Mistral, Qwen2 or Qwen3, or with ArmoRM's 19 rewards and gate.
 *
 * @throws FilesError, ModelError as `loadModel`; nothing is left in memory then
 */
export function loadRewardModel(place: Place, options: LoadModelOptions = {}): Promise<RewardModel> {
  return withCheckpoint(place, options, async (checkpoint) => {
    const { family, isGated } = findRewardKind(checkpoint);
    const gated = isGated ? gatedHead(checkpoint) : undefined;
    const head = gated ?? scoreHead(checkpoint);
    const plan = planFamily(checkpoint, family, head);
    const temperature = checkpoint.config.number(["gating_temperature", undefined], 10);
    const { parameters, pass } = await loadPass(checkpoint, plan, options);
    const gate = gated && readGate(parameters, gated.layers, temperature);
    const model = new LoadedRewardModel(checkpoint, plan.config, parameters, pass, head.sizes.R!, gate);
    return keepIfSound(model, plan, parameters, options);
  });
}

class LoadedRewardModel implements RewardModel {
  readonly name: string;
  readonly contextLength: number;
  private isDisposed = false;

  constructor(
    private readonly checkpoint: Pick<Checkpoint, "name" | "tokenizer" | "chatTemplate">,
    private readonly config: FamilyConfig,
    private readonly parameters: ParameterTree,
    private readonly pass: ForwardPass,
    readonly headCount: number,
    private readonly gate: Gate | undefined,
  ) {
    this.name = checkpoint.name;
    this.contextLength = config.contextLength;
  }

  render(chat: readonly ChatMessage[]): RatedRow {
    const { tokenizer, chatTemplate } = this.checkpoint;
    const idsOf = (messages: readonly ChatMessage[]) =>
      renderedChatIds(
        tokenizer,
        chatTemplate,
        messages.map((message) => ({ ...message })),
        { addGenerationPrompt: false },
      ).ids;
    const ids = idsOf(chat);
    if (!this.gate) return { ids };
    const asked = idsOf(chat.slice(0, -1));
    if (asked.length > 0 && asked.length < ids.length && asked.every((id, i) => id === ids[i]))
      return { ids, gateAt: asked.length - 1 };
    throw new ModelError(
      "bad-request",
      `${this.name} weighs its rewards by the prompt, and this chat's prompt is not what the chat begins with: give a chat ` +
        "that ends with the answer.",
    );
  }

  async rate(rows: readonly RatedRow[], signal?: AbortSignal): Promise<Rating[]> {
    if (this.isDisposed)
      throw new ModelError("bad-request", `${this.name} was disposed of: load it again to rate with it.`);
    if (rows.length === 0) return [];
    const session = toPortSession(openTensorSession(this.pass, this.config, rows.length));
    const options = signal ? { signal } : {};
    try {
      if (!this.gate) {
        const outputs = await readOutputs(
          await prefill(
            session,
            rows.map(({ ids }) => ids),
            options,
          ),
        );
        return outputs.map((heads) => ({ heads, score: heads.length === 1 ? heads[0]! : null }));
      }
      const cuts = rows.map((row) => this.cutOf(row));
      const prompts = await readOutputs(
        await prefill(
          session,
          rows.map(({ ids }, r) => ids.slice(0, cuts[r])),
          options,
        ),
      );
      const answers = await readOutputs(
        await prefill(
          session,
          rows.map(({ ids }, r) => ids.slice(cuts[r])),
          options,
        ),
      );
      return answers.map((outputs, r) => {
        const heads = outputs.slice(0, this.headCount);
        return { heads, score: mixRewards(this.gate!, heads, prompts[r]!.slice(this.headCount)) };
      });
    } finally {
      await session.dispose();
    }
  }

  /** How many tokens come up to the one that is gated. */
  private cutOf({ ids, gateAt }: RatedRow): number {
    if (gateAt !== undefined && gateAt >= 0 && gateAt < ids.length - 1) return gateAt + 1;
    throw new ModelError(
      "bad-request",
      `${this.name} weighs its rewards by the state of a token before the answer: gateAt must be from 0 to ${ids.length - 2}.`,
    );
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.pass.dispose();
    disposeParameters(this.parameters);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The outputs of each row's last token; uses them up. */
async function readOutputs({ logits_RC }: Next): Promise<number[][]> {
  try {
    const values = await logits_RC.data();
    const [rows, width] = logits_RC.shape;
    return Array.from({ length: rows }, (_, r) => Array.from(values.slice(r * width, (r + 1) * width)));
  } finally {
    tf.dispose(logits_RC);
  }
}
