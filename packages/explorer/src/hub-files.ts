/** Which files of a hub's repository a page fetches. */

/** As the hub lists a repository: `GET /api/models/ID/tree/main`. */
export interface HubEntry {
  readonly type: string;
  readonly path: string;
  readonly size: number;
}

export interface HubChoice {
  /** One GGUF file, or the files of a folder. */
  readonly kind: "gguf" | "folder";
  readonly files: readonly HubEntry[];
  readonly bytes: number;
}

const folderFile =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|model\.safetensors\.index)\.json$|^chat_template\.jinja$|\.safetensors$/;

/** Which GGUF files are taken first where none is named: small, and of a type that keeps its weights as they are. */
const preferred = [/q4_k_m/i, /q4_1/i, /q4_0/i, /q8_0/i];

/** @param file a GGUF file's name, where one is asked for */
export function chooseFiles(entries: readonly HubEntry[], file?: string): HubChoice | undefined {
  const files = entries.filter(({ type }) => type === "file");
  const ggufs = files.filter(({ path }) => path.endsWith(".gguf"));
  const named = file === undefined ? firstOf(ggufs) : ggufs.find(({ path }) => path === file);
  const folder = files.filter(({ path }) => folderFile.test(path) && !path.includes("/"));
  const isFolder = folder.some(({ path }) => path === "config.json") && folder.some(isTensors);
  if (named && !(isFolder && file === undefined)) return chosen("gguf", [named]);
  return isFolder && file === undefined ? chosen("folder", folder) : undefined;
}

function firstOf(ggufs: readonly HubEntry[]): HubEntry | undefined {
  const bySize = [...ggufs].sort((one, other) => one.size - other.size);
  return preferred.map((kind) => bySize.find(({ path }) => kind.test(path))).find(Boolean) ?? bySize[0];
}

const isTensors = ({ path }: HubEntry) => path.endsWith(".safetensors");

function chosen(kind: HubChoice["kind"], files: readonly HubEntry[]): HubChoice {
  return { kind, files, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

/** `org/name`, with `:file.gguf` where one is meant; undefined for anything else. */
export function readHubName(words: string): { readonly id: string; readonly file?: string } | undefined {
  const [, id, file] = /^([\w.-]+\/[\w.-]+)(?::([\w./-]+\.gguf))?$/.exec(words.trim()) ?? [];
  if (id === undefined || /(^|\/)\.+(\/|$)/.test(id)) return undefined;
  return { id, ...(file !== undefined && { file }) };
}
