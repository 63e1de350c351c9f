import { FilesError } from "../errors.js";

/** A key of config.json and the key of a GGUF file's metadata (without its architecture's prefix) for the same thing. */
export type ConfigKey = readonly [huggingFace: string | undefined, gguf: string | undefined];

/** Numbers and flags of a checkpoint's config, from whichever of the two formats it came; each is checked as it is read. */
export class ConfigSource {
  constructor(
    readonly format: "huggingface" | "gguf",
    /** Where it came from, for messages. */
    readonly path: string,
    /** config.json, or the metadata without the architecture's prefix. */
    readonly values: Readonly<Record<string, unknown>>,
    /** Names of the tensors in the checkpoint. */
    readonly tensorNames: ReadonlySet<string>,
  ) {}

  /** The value as it stands, if it is there and not null. */
  read([huggingFace, gguf]: ConfigKey): unknown {
    const key = this.format === "gguf" ? gguf : huggingFace;
    return key === undefined ? undefined : (this.values[key] ?? undefined);
  }

  /** Whether the key is there, if only as null: null may mean something else than what absence means. */
  has([huggingFace, gguf]: ConfigKey): boolean {
    const key = this.format === "gguf" ? gguf : huggingFace;
    return key !== undefined && Object.hasOwn(this.values, key);
  }

  /** A whole number of at least 1. @throws FilesError `bad-config` */
  count(key: ConfigKey, fallback?: number): number {
    const value = this.number(key, fallback);
    if (Number.isSafeInteger(value) && value >= 1) return value;
    throw this.wrong(key, "a whole number of at least 1", value);
  }

  /** A finite number. @throws FilesError `bad-config` */
  number(key: ConfigKey, fallback?: number): number {
    const value = this.read(key) ?? fallback;
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number === "number" && Number.isFinite(number)) return number;
    throw this.wrong(key, "a number", value);
  }

  /** @throws FilesError `bad-config` */
  flag(key: ConfigKey, fallback: boolean): boolean {
    const value = this.read(key) ?? fallback;
    if (typeof value === "boolean") return value;
    throw this.wrong(key, "true or false", value);
  }

  /** Refuses a setting that the family does not compute; an absent one passes. @throws FilesError `bad-config` */
  allow(key: ConfigKey, known: readonly unknown[]): void {
    const value = this.read(key);
    if (value === undefined || known.includes(value)) return;
    const choices = known.map((choice) => JSON.stringify(choice)).join(" or ");
    throw this.wrong(
      key,
      `${choices} (nothing else is computed for this architecture: take another model)`,
      value,
    );
  }

  /** Whether the output head is the embedding; a GGUF file says so by leaving the head out. */
  tiedEmbedding(fallback: boolean): boolean {
    if (this.format === "gguf") return !this.tensorNames.has("output.weight");
    return this.flag(["tie_word_embeddings", undefined], fallback);
  }

  /** A nested object of config.json as a source of its own; nothing where it is absent. @throws FilesError `bad-config` */
  nested(key: string): ConfigSource | undefined {
    const value = this.read([key, undefined]);
    if (value === undefined) return undefined;
    if (typeof value !== "object" || Array.isArray(value))
      throw this.wrong([key, undefined], "an object", value);
    return new ConfigSource(
      this.format,
      `${this.path}, ${key}`,
      value as Record<string, unknown>,
      this.tensorNames,
    );
  }

  wrong([huggingFace, gguf]: ConfigKey, expected: string, came: unknown): FilesError {
    const key = (this.format === "gguf" ? gguf : huggingFace) ?? huggingFace ?? gguf;
    const what = came === undefined ? "it is missing" : `it is ${show(came)}`;
    return new FilesError("bad-config", `${this.path}: "${key}" must be ${expected}; ${what}.`);
  }
}

/** A value of either format, cut to a length that an error can show. */
function show(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return "a list";
  return (JSON.stringify(value) ?? String(value)).slice(0, 200);
}
