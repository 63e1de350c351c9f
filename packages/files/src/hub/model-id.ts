import { FilesError } from "../errors.js";
import { isSafePath } from "../places/safe-path.js";

/** What `org/name[:file.gguf][@revision]` names: a repository of the hub, perhaps one file of it. */
export interface ModelId {
  /** `org/name`; the few oldest repositories have a bare `name`. */
  readonly repository: string;
  /** The GGUF file meant, with its folders inside the repository. */
  readonly file?: string;
  /** A branch, tag or commit; the hub's `main` when absent. */
  readonly revision?: string;
}

export const defaultRevision = "main";

const shape = /^(?<repository>[^:@]+)(?::(?<file>[^@]+))?(?:@(?<revision>.+))?$/;
const namePattern = /^[A-Za-z0-9_](?:[\w.-]{0,94}[\w])?$/;

/**
 * Reads `org/name`, `org/name:file.gguf`, either with `@revision` behind it.
 * @throws FilesError `hub` when the text has another shape.
 */
export function parseModelId(text: string): ModelId {
  const parts = shape.exec(text)?.groups;
  if (parts?.repository === undefined) throw badId(text, "it is not org/name[:file.gguf][@revision]");
  const { repository, file, revision } = parts;
  checkRepository(text, repository);
  if (file !== undefined) checkFile(text, file);
  if (revision !== undefined && !isSafePath(revision))
    throw badId(text, `"${revision}" is no branch, tag or commit`);
  return { repository, ...(file && { file }), ...(revision && { revision }) };
}

/** The text that {@link parseModelId} reads back. */
export function formatModelId({ repository, file, revision }: ModelId): string {
  return repository + (file ? `:${file}` : "") + (revision ? `@${revision}` : "");
}

function checkRepository(text: string, repository: string): void {
  const names = repository.split("/");
  const plain = names.length <= 2 && names.every((name) => namePattern.test(name) && !/--|\.\./.test(name));
  if (!plain) throw badId(text, `"${repository}" is not an org/name of letters, digits, "-", "_" and "."`);
}

function checkFile(text: string, file: string): void {
  if (!file.toLowerCase().endsWith(".gguf")) throw badId(text, `"${file}" does not end in .gguf`);
  if (!isSafePath(file)) throw badId(text, `"${file}" is no path inside a repository`);
}

function badId(text: string, reason: string): FilesError {
  const example = "HuggingFaceTB/SmolLM2-135M-Instruct or org/name:file.gguf@main";
  return new FilesError("hub", `"${text}" names no model of the hub: ${reason}. Write it like ${example}.`);
}
