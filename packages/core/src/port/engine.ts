/** A model that is open and ready to answer, wherever it computes: what a program holds while it answers with it. */
import type { ChatModel } from "../text/chat.js";
import type { Steps } from "./event-loop.js";

/** Text to token ids and back. */
export interface EngineTokenizer {
  /** Begins every sequence, where the model has such a token. */
  readonly beginToken?: number | undefined;
  /** Whether the model wants it before every prompt; a chat's template writes it itself. */
  readonly addsBeginToken?: boolean;
  /** Token ids of a text; `parseSpecial` reads control tokens where the text spells them, which is not the default. */
  encode(text: string, options?: { readonly parseSpecial?: boolean }): readonly number[];
  /** The same in steps, see `ChatModel.renderChatSteps`. */
  encodeSteps?(text: string, options?: { readonly parseSpecial?: boolean }): Steps<readonly number[]>;
  /** The text of the tokens, control tokens spelled out. */
  decode(ids: Iterable<number>): string;
  /** The token as the vocabulary writes it. */
  piece(id: number): string;
  /** What the token adds to a text that has begun, in UTF-8; it may be part of a character. Absent where nobody knows. */
  bytes?(id: number): Uint8Array;
}

/** What computes. */
export interface EngineBackend {
  /** As it is asked for: `wasm`. */
  readonly name: string;
  /** For people: `WebAssembly with SIMD`. */
  readonly description: string;
  /** The library that computes, and its version. */
  readonly version: string;
}

export interface Engine {
  /** Renders chats with its template and answers them; its name is the one for people. */
  readonly model: ChatModel;
  readonly tokenizer: EngineTokenizer;
  /** Where it was opened from: a path on this disk, or an address. */
  readonly source: string;
  readonly backend: EngineBackend;
  /** Absent where the engine does not tell. */
  readonly parameterCount?: number;
  /** What a row's cache takes for each of its tokens; absent where the engine does not tell. */
  readonly cacheBytesPerToken?: number;
  /** What should be known and was not asked for, a sentence each: about the files, or why a better backend does not run. */
  readonly notes: readonly string[];
  /** Milliseconds that opening took, without downloads. */
  readonly loadMs: number;
  /** Gives back what it holds. Twice does no harm; an answer that is still going on ends in an error. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
