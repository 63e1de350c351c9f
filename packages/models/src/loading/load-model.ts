import "@amulet-ts/core/disposal";
import {
  type ChatMessage,
  type ChatModel,
  type ChatPrompt,
  checkBackend,
  describeValue,
  type Session,
  type Steps,
  type TextStream,
  throwIfAborted,
} from "@amulet-ts/core";
import {
  type ChatTemplate,
  type Checkpoint,
  openCheckpointAt,
  type Place,
  renderedChatIds,
  renderedChatSteps,
  type Tokenizer,
} from "@amulet-ts/files";
import { ModelError } from "../errors.js";
import type { FamilyConfig, ForwardPass, ParameterTree } from "../family.js";
import { OpenSessions } from "../open-sessions.js";
import type { AnyFamily } from "../registry.js";
import { openTensorSession, type TensorSession, toPortSession } from "../session.js";
import type { Weight } from "../weights/weight.js";
import { type LoadOptions, loadParameters } from "./load-parameters.js";
import { checkMemory, type MemoryBudget } from "./memory.js";
import { disposeParameters, parameterAt } from "./parameter-tree.js";
import { type ModelPlan, planModel } from "./plan-model.js";
import { countParameters, type PlannedParameter } from "./plan-parameters.js";
import { checkProducts, type ProductProbe } from "./product-check.js";
import { usualStorage } from "./read-parameter.js";

export interface LoadModelOptions extends LoadOptions {
  /** What the running backend can hold; checked before anything is loaded. */
  readonly memory?: MemoryBudget;
}

/** A loaded model: a chat model of `core`, with its tokenizer, that holds tensors until disposed. */
export interface Model extends ChatModel {
  readonly family: string;
  readonly tokenizer: Tokenizer;
  readonly parameterCount: number;
  /** What a row's cache takes for each of its tokens: keys and values of all blocks, float32. */
  readonly cacheBytesPerToken: number;
  /** Opens a session of TensorFlow.js' own, whose steps are not waited for. */
  openTensorSession(rowCount: number): TensorSession;
  /** Sizes, under the family's own names. */
  readonly config: FamilyConfig;
  /** What the user should know about how the files were read, a line each. */
  readonly notes: readonly string[];
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Loads a model onto the running backend: a folder in Hugging Face's layout or a GGUF file.
 *
 * @throws ModelError for a file that is not there, damaged, hostile, of an unknown architecture or too large;
 *   nothing is left in memory then
 */
export function loadModel(place: Place, options: LoadModelOptions = {}): Promise<Model> {
  return withCheckpoint(place, options, async (checkpoint) => {
    const plan = planModel(checkpoint);
    const { parameters, pass } = await loadPass(checkpoint, plan, options);
    const model = new LoadedModel(checkpoint, plan, parameters, pass);
    return keepIfSound(model, plan, parameters, options, () => warmUp(model));
  });
}

/** Opens a checkpoint for `load`, and closes it whatever comes of that. */
export async function withCheckpoint<T>(
  place: Place,
  options: LoadModelOptions,
  load: (checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  checkOptions(options);
  checkBackend();
  const checkpoint = await openCheckpointAt(place);
  try {
    return await load(checkpoint);
  } finally {
    await checkpoint.store.close();
  }
}

/** Loads what was planned, if it fits. */
export async function loadPass(
  { path }: Checkpoint,
  { family, config, planned }: ModelPlan,
  options: LoadModelOptions,
): Promise<{ readonly parameters: ParameterTree; readonly pass: ForwardPass }> {
  if (options.memory) checkMemory(path, planned, options.weights ?? usualStorage(), options.memory);
  const tensorLimitBytes = options.memory?.tensorLimitBytes;
  const parameters = await loadParameters(planned, config.blockCount, options, tensorLimitBytes);
  return { parameters, pass: bindOrDispose(family, config, parameters) };
}

/** The model, whose products with a few outputs are those of the file; it is disposed of where they are not. */
export async function keepIfSound<M extends { dispose(): void }>(
  model: M,
  { planned }: ModelPlan,
  parameters: ParameterTree,
  { signal }: LoadModelOptions,
  first: () => void = () => {},
): Promise<M> {
  try {
    first();
    await checkProducts(await chooseProbes(planned, parameters));
    throwIfAborted(signal, "Loading the model");
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** @throws ModelError `bad-request` */
function checkOptions(options: LoadModelOptions): void {
  const { weights, signal, onProgress, memory } = refuseUnless(
    isRecord(options),
    "The options",
    "an object",
    options,
  );
  const isStorage = [undefined, "float32", "stored"].includes(weights);
  refuseUnless(isStorage, "weights", '"float32" or "stored"', weights);
  refuseUnless(
    signal === undefined || (isRecord(signal) && typeof signal.aborted === "boolean"),
    "signal",
    "an AbortSignal",
    signal,
  );
  refuseUnless(
    onProgress === undefined || typeof onProgress === "function",
    "onProgress",
    "a function",
    onProgress,
  );
  if (memory === undefined) return;
  const numbers: unknown[] = isRecord(memory)
    ? [memory.limitBytes, memory.matrixCopies, memory.tensorLimitBytes ?? 1]
    : [];
  const isBudget = numbers.length > 0 && numbers.every((value) => typeof value === "number" && value >= 0);
  refuseUnless(isBudget, "memory", "what a backend says that it holds, limitBytes and matrixCopies", memory);
}

const isRecord = (value: unknown): boolean => typeof value === "object" && value !== null;

function refuseUnless<T>(holds: boolean, name: string, expected: string, came: T): T {
  if (holds) return came;
  throw new ModelError("bad-request", `${name} must be ${expected}; it is ${describeValue(came)}.`);
}

/** Constants may find no room where the parameters had some. */
function bindOrDispose(family: AnyFamily, config: FamilyConfig, parameters: ParameterTree): ForwardPass {
  try {
    return family.bind(config, parameters);
  } catch (error) {
    disposeParameters(parameters);
    throw error;
  }
}

/** One step packs every matrix: the first token of an answer then costs what the others do. */
function warmUp(model: Model): void {
  using session = model.openTensorSession(2);
  session.append([[0], [0]]).dispose();
}

/** The factors loaded first and last, each with the numbers of a few outputs read from the file once more. */
async function chooseProbes(
  planned: readonly PlannedParameter[],
  parameters: ParameterTree,
): Promise<ProductProbe[]> {
  const isPlain = ({ parts: [part, ...others] }: PlannedParameter) =>
    others.length === 0 && !part!.interleavedHeads && !part!.inputsFirst;
  const factors = planned.filter((parameter) => parameter.uses.multiplied && isPlain(parameter));
  const chosen = new Set([factors[0], factors.at(-1)].filter((parameter) => parameter !== undefined));
  return Promise.all([...chosen].map((parameter) => readProbe(parameter, parameters)));
}

async function readProbe(
  { paths, parts }: PlannedParameter,
  parameters: ParameterTree,
): Promise<ProductProbe> {
  const [path, source] = [paths.at(-1)!, parts[0]!.source];
  const rows = source.shape[0]!;
  const columns = new Map<number, Float32Array>();
  for (const row of [0, rows >> 1, rows - 1]) columns.set(row, await source.readRows(row, 1));
  return { path, weight: parameterAt(parameters, path) as Weight, columns };
}

/** M is the keys, or values, of a token; where a family has no such letter every head has its own, and they are as wide as D. */
function cacheBytesPerToken(family: AnyFamily, config: FamilyConfig): number {
  const { M, D } = family.axisSizes(config);
  return 4 * 2 * config.blockCount * (M ?? D)!;
}

const copyAll = (messages: readonly ChatMessage[]) => messages.map((message) => ({ ...message }));

class LoadedModel implements Model {
  readonly name: string;
  readonly family: string;
  readonly coverage = "whole";
  readonly tokenizer: Tokenizer;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly endTokens: ReadonlySet<number>;
  readonly parameterCount: number;
  readonly cacheBytesPerToken: number;
  readonly config: FamilyConfig;
  readonly notes: readonly string[];
  private readonly chatTemplate: ChatTemplate | undefined;
  private readonly sessions = new OpenSessions();
  private isDisposed = false;

  constructor(
    checkpoint: Checkpoint,
    { family, config, planned, notes }: ModelPlan,
    private readonly parameters: ParameterTree,
    private readonly pass: ForwardPass,
  ) {
    this.name = checkpoint.name;
    this.family = family.name;
    this.tokenizer = checkpoint.tokenizer;
    this.chatTemplate = checkpoint.chatTemplate;
    this.vocabularySize = config.vocabularySize;
    this.contextLength = config.contextLength;
    // One without a logit is never chosen.
    this.endTokens = new Set(checkpoint.tokenizer.endTokens.filter((id) => id < config.vocabularySize));
    this.parameterCount = countParameters(planned);
    this.cacheBytesPerToken = cacheBytesPerToken(family, config);
    this.config = config;
    this.notes = [...checkpoint.tokenizer.notes, ...notes];
  }

  openSession(rowCount: number): Session {
    return toPortSession(this.openTensorSession(rowCount));
  }

  openTensorSession(rowCount: number): TensorSession {
    return openTensorSession(this.pass, this.config, rowCount, this.sessions);
  }

  renderChat(messages: readonly ChatMessage[]): ChatPrompt {
    return renderedChatIds(this.tokenizer, this.chatTemplate, copyAll(messages));
  }

  renderChatSteps(messages: readonly ChatMessage[]): Steps<ChatPrompt> {
    return renderedChatSteps(this.tokenizer, this.chatTemplate, copyAll(messages));
  }

  textStream(): TextStream {
    return this.tokenizer.streamDecoder();
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.sessions.close(
      new ModelError("bad-request", `${this.name} was disposed of: load it again to answer with it.`),
    );
    this.pass.dispose();
    disposeParameters(this.parameters);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
