/** A model in llama.cpp's memory, as core sees it: rows by llama.cpp, text by our own tokenizer and template. */
import "@amulet-ts/core/disposal";
import type { ChatMessage, ChatModel, ChatPrompt, Session, Steps, TextStream } from "@amulet-ts/core";
import type { ModelTokenizer } from "@amulet-ts/files";
import { EngineError } from "../errors.js";
import type { LoadedModel } from "./context.js";
import { freeModel } from "./load.js";
import type { Pointer } from "./native/koffi.js";
import type { Llama } from "./native/library.js";
import { LlamaCppSession } from "./session.js";

export class LlamaCppModel implements ChatModel {
  readonly coverage = "whole";
  readonly name: string;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly endTokens: ReadonlySet<number>;
  readonly parameterCount: number;
  readonly cacheBytesPerToken: number | undefined;
  private readonly sessions = new Set<LlamaCppSession>();
  private isOpen = true;

  constructor(
    private readonly loaded: LoadedModel,
    private readonly text: ModelTokenizer,
  ) {
    const { native } = loaded.llama;
    this.name = text.name;
    this.vocabularySize = loaded.vocabularySize;
    this.contextLength = native.llama_model_n_ctx_train(loaded.address);
    this.endTokens = new Set(text.tokenizer.endTokens.filter((id) => id < loaded.vocabularySize));
    this.parameterCount = Number(native.llama_model_n_params(loaded.address));
    this.cacheBytesPerToken = cacheBytesPerToken(native, loaded.address);
  }

  /** @throws EngineError `disposed` */
  openSession(rowCount: number): Session {
    if (!this.isOpen) throw new EngineError("disposed", `${this.name} has been disposed of.`);
    return new LlamaCppSession(this.loaded, rowCount, this.sessions);
  }

  renderChat(messages: readonly ChatMessage[]): ChatPrompt {
    return this.text.renderChat(messages);
  }

  renderChatSteps(messages: readonly ChatMessage[]): Steps<ChatPrompt> {
    return this.text.renderChatSteps(messages);
  }

  textStream(): TextStream {
    return this.text.tokenizer.streamDecoder();
  }

  /** Ends answers that are going on. */
  async dispose(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const session of this.sessions) await session.dispose();
    await freeModel(this.loaded.llama, this.loaded.address);
    this.loaded.pool.free();
  }
}

/** @throws EngineError `unsupported-model` for one whose rows can't be rewound, or that does not write */
export function checkArchitecture({ native }: Llama, model: Pointer, name: string): void {
  const refusals: readonly (readonly [boolean, string])[] = [
    [native.llama_model_is_recurrent(model), "is recurrent: its state can't be taken back by tokens"],
    [native.llama_model_is_hybrid(model), "has recurrent layers: their state can't be taken back by tokens"],
    [native.llama_model_is_diffusion(model), "does not write a token after the other"],
    [native.llama_model_has_encoder(model), "has an encoder, whose input is no beginning of the answer"],
    [!native.llama_model_has_decoder(model), "has no decoder"],
  ];
  const refusal = refusals.find(([holds]) => holds);
  if (!refusal) return;
  throw new EngineError(
    "unsupported-model",
    `${name} is of the architecture ${architectureOf(native, model)}, which ${refusal[1]}. Take a transformer, such as Llama or Qwen.`,
  );
}

function architectureOf(native: Llama["native"], model: Pointer): string {
  return readMetadata(native, model, "general.architecture") ?? "that it does not name";
}

function readMetadata(native: Llama["native"], model: Pointer, key: string): string | undefined {
  const bytes = new Uint8Array(128);
  const length = native.llama_model_meta_val_str(model, key, bytes, bytes.length);
  return length > 0 ? new TextDecoder().decode(bytes.subarray(0, length)) : undefined;
}

/** Keys and values in 16 bits, by the file's own sizes; undefined where a block differs from another. */
function cacheBytesPerToken(native: Llama["native"], model: Pointer): number | undefined {
  const architecture = architectureOf(native, model);
  const size = (name: string) => Number(readMetadata(native, model, `${architecture}.${name}`) ?? Number.NaN);
  const heads = size("attention.head_count");
  const headWidth = size("embedding_length") / heads;
  const groups = size("attention.head_count_kv") || heads;
  const keys = size("attention.key_length") || headWidth;
  const values = size("attention.value_length") || headWidth;
  const bytes = 2 * size("block_count") * groups * (keys + values);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
