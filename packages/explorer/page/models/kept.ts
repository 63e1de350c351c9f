/** Models of the hub, fetched into the browser's private file system. A download that broke off goes on where it ended. */
import type { HubChoice, HubEntry } from "../../src/hub-files.js";
import type { Address } from "../engine.js";
import { texts } from "../texts.js";

/** Another one where the page's host says so. */
export const hub =
  document.querySelector<HTMLMetaElement>("meta[name=amulet-hub]")?.content ?? "https://huggingface.co";

export interface KeptModel {
  readonly id: string;
  readonly kind: HubChoice["kind"];
  readonly bytes: number;
}

export async function listRepository(id: string): Promise<HubEntry[]> {
  const response = await fetch(`${hub}/api/models/${id}/tree/main?recursive=true`).catch(
    (error: Error) => error,
  );
  if (response instanceof Error) throw new Error(texts.model.notThere(id, response.message));
  if (!response.ok) throw new Error(texts.model.notThere(id, `the hub answered ${response.status}`));
  const entries: unknown = await response.json();
  return Array.isArray(entries) ? (entries as HubEntry[]) : [];
}

async function modelsFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle("models", { create: true });
}

/** `/` is no part of a name there. */
const folderName = (id: string) => id.replace("/", "--");

/** Files whose size is right are here already. */
export async function fetchModel(
  id: string,
  { files }: HubChoice,
  onBytes: (done: number) => void,
): Promise<void> {
  const folder = await (await modelsFolder()).getDirectoryHandle(folderName(id), { create: true });
  let before = 0;
  for (const entry of files) {
    const handle = await folder.getFileHandle(entry.path.replaceAll("/", "--"), { create: true });
    await fetchFile(id, entry, handle, (done) => onBytes(before + done));
    before += entry.size;
  }
}

async function fetchFile(
  id: string,
  { path, size }: HubEntry,
  handle: FileSystemFileHandle,
  onBytes: (done: number) => void,
): Promise<void> {
  let done = (await handle.getFile()).size;
  if (done > size) done = 0;
  onBytes(done);
  if (done === size) return;
  const headers = done > 0 ? { range: `bytes=${done}-` } : {};
  const response = await fetch(`${hub}/${id}/resolve/main/${path}`, { headers });
  if (!response.ok || !response.body)
    throw new Error(texts.model.notThere(path, `the hub answered ${response.status}`));
  if (response.status !== 206) done = 0;
  const target = await handle.createWritable({ keepExistingData: done > 0 });
  await target.seek(done);
  // What has come is kept where it breaks off: closing is what writes.
  try {
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      await target.write(part);
      done += part.length;
      onBytes(done);
    }
  } finally {
    await target.close();
  }
  if (done !== size) throw new Error(texts.model.notThere(path, `${done} of ${size} bytes came`));
}

export async function openKept(id: string, kind: HubChoice["kind"]): Promise<Address> {
  const files = await filesOf(await (await modelsFolder()).getDirectoryHandle(folderName(id)));
  if (kind === "gguf") return files.find(({ name }) => name.endsWith(".gguf"))!;
  return Object.fromEntries(files.map((file) => [file.name, file]));
}

async function filesOf(folder: FileSystemDirectoryHandle): Promise<File[]> {
  const files: File[] = [];
  for await (const handle of folder.values())
    if (handle.kind === "file") files.push(await (handle as FileSystemFileHandle).getFile());
  return files;
}

export async function listKept(): Promise<KeptModel[]> {
  const kept: KeptModel[] = [];
  for await (const handle of (await modelsFolder()).values()) {
    if (handle.kind !== "directory") continue;
    const files = await filesOf(handle as FileSystemDirectoryHandle);
    const kind = files.some(({ name }) => name.endsWith(".gguf")) ? "gguf" : "folder";
    kept.push({
      id: handle.name.replace("--", "/"),
      kind,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
    });
  }
  return kept;
}

export const keptBytes = (models: readonly KeptModel[]): number =>
  models.reduce((sum, { bytes }) => sum + bytes, 0);

export async function removeKept(id: string): Promise<void> {
  await (await modelsFolder()).removeEntry(folderName(id), { recursive: true });
}
