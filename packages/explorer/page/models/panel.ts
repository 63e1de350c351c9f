/** Another model: of the user's files, or of the hub; said what it needs before it is loaded. */
import { readNeeds } from "@amulet-ts/web";
import { signal } from "@preact/signals-core";
import { chooseFiles, type HubChoice, readHubName } from "../../src/hub-files.js";
import { type BackendChoice, backendNames } from "../../src/state.js";
import { drawScoped, make, makeButton, makeSection, watch } from "../dom.js";
import {
  type Address,
  ask,
  engine,
  isEmbedded,
  open,
  openEmbedded,
  openServer,
  sentenceOf,
} from "../engine.js";
import { change, state } from "../store.js";
import { texts } from "../texts.js";
import { chosenBackend, makeWorker, wasmFolder } from "./in-page.js";
import {
  fetchModel,
  hub,
  type KeptModel,
  keptBytes,
  listKept,
  listRepository,
  openKept,
  removeKept,
} from "./kept.js";
import { servedBy } from "./on-server.js";

interface Offer {
  readonly says: readonly string[];
  readonly label: string;
  accept?(): Promise<void>;
}
const offer = signal<Offer | undefined>(undefined);
const failure = signal("");
const progress = signal<{ done: number; total: number } | undefined>(undefined);
const kept = signal<readonly KeptModel[]>([]);

export function drawModels(): HTMLElement {
  void refreshKept();
  return makeSection(
    "model",
    texts.model.title,
    make("p", { class: "faint" }, texts.model.means),
    make("p", { hidden: () => (state.value.model && isEmbedded() ? undefined : "") }, () =>
      texts.model.linked(state.value.model),
    ),
    drawDrop(),
    drawHub(),
    drawOffer(),
    drawBackend(),
    drawKept(),
  );
}

/** What fails is said in a sentence, and what was there before stays. */
async function attempt(work: () => Promise<void>): Promise<void> {
  failure.value = "";
  try {
    await work();
  } catch (error) {
    // What was offered can be tried again.
    if (!offer.value?.accept) offer.value = undefined;
    failure.value = texts.model.failed(sentenceOf(error));
  } finally {
    progress.value = undefined;
  }
}

function drawDrop(): HTMLElement {
  const choose = (label: string, attributes: Record<string, string>) => {
    const input = make("input", {
      type: "file",
      class: "unseen",
      tabindex: "-1",
      "aria-hidden": "true",
      ...attributes,
    });
    input.addEventListener("change", () => {
      void take([...(input.files ?? [])]);
      input.value = "";
    });
    return [makeButton(label, () => input.click()), input];
  };
  const zone = make(
    "div",
    { class: "drop-zone" },
    make("p", {}, texts.model.drop),
    make(
      "div",
      { class: "row", style: "justify-content: center" },
      ...choose(texts.model.file, { accept: ".gguf,.json,.safetensors", multiple: "", id: "file" }),
      ...choose(texts.model.folder, { webkitdirectory: "", id: "folder" }),
    ),
  );
  followDrops(zone);
  return zone;
}

/** Wherever on the page a file is let go, since a browser would leave the page for it. */
function followDrops(zone: HTMLElement): void {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    // Out of the window, and not from one element to the next.
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    zone.classList.remove("over");
    if (!hasFiles(event)) return;
    event.preventDefault();
    void filesOf(event.dataTransfer!).then(([files, folder]) => {
      zone.scrollIntoView({ block: "center" });
      return take(files, folder);
    });
  });
}

/** Of folders their files, one level deep. What was dropped is gone after the event: all of it is taken at once. */
async function filesOf({ items }: DataTransfer): Promise<[files: File[], folder: string | undefined]> {
  const dropped = [...items].map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const folders = dropped.flatMap(({ entry }) =>
    entry?.isDirectory ? [entry as FileSystemDirectoryEntry] : [],
  );
  const files = dropped.flatMap(({ entry, file }) => (entry?.isDirectory || !file ? [] : [file]));
  const found = await Promise.all(folders.map(filesIn));
  return [[...files, ...found.flat()], folders[0]?.name];
}

async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    const more = await new Promise<FileSystemEntry[]>((told, failed) => reader.readEntries(told, failed));
    if (more.length === 0) break;
    entries.push(...more);
  }
  const files = entries.filter((entry): entry is FileSystemFileEntry => entry.isFile);
  return Promise.all(files.map((entry) => new Promise<File>((told, failed) => entry.file(told, failed))));
}

/** @param folder where the files were dropped with it; a browser tells it with each file where it was chosen */
async function take(files: readonly File[], folder?: string): Promise<void> {
  if (files.length === 0) return;
  const gguf = files.find(({ name }) => name.endsWith(".gguf"));
  const one = gguf ?? (files.length === 1 ? files[0] : undefined);
  const address: Address = one ?? Object.fromEntries(files.map((file) => [file.name, file]));
  const bytes = (one ? [one] : files).reduce((sum, { size }) => sum + size, 0);
  await attempt(() => offerModel(address, one?.name ?? folder ?? folderName(files), bytes));
}

function folderName(files: readonly File[]): string {
  return (
    files[0]!.webkitRelativePath.split("/")[0] ||
    files.find(({ name }) => name.endsWith(".safetensors"))?.name ||
    files[0]!.name
  );
}

/** Reads no more than headers. */
async function offerModel(address: Address, name: string, bytes: number): Promise<void> {
  offer.value = { says: [texts.model.reading], label: "" };
  const needs = await needsOf(address);
  offer.value = {
    says: [texts.model.needs(name, needs, bytes), texts.model.memory(needs)],
    label: texts.model.load,
    ...(!needs.refusal && { accept: () => load(address, name) }),
  };
}

const needsOf = (model: Address) =>
  readNeeds({ worker: makeWorker(), model, wasmFolder: wasmFolder(), ...chosenBackend() });

async function load(address: Address, name: string): Promise<void> {
  const accepted = offer.peek();
  await open(address, name);
  // What was dropped while it was loading waits for its turn.
  if (offer.peek() === accepted) offer.value = undefined;
  await ask();
}

function drawOffer(): HTMLElement {
  const accept = () => {
    const work = offer.value?.accept;
    if (work) void attempt(work);
  };
  const bar = make("progress", {
    "aria-label": texts.model.title,
    hidden: () => (progress.value ? undefined : ""),
    max: () => String(progress.value?.total ?? 1),
    value: () => String(progress.value?.done ?? 0),
  });
  return make(
    "div",
    { id: "offer", "aria-live": "polite" },
    make("p", {}, () => offer.value?.says.join(" ") ?? ""),
    make(
      "p",
      { class: "row" },
      makeButton(() => offer.value?.label ?? "", accept, {
        class: "main",
        hidden: () => (offer.value?.accept ? undefined : ""),
      }),
      bar,
      make("span", {}, () =>
        progress.value ? texts.model.fetching(progress.value.done, progress.value.total) : "",
      ),
      makeButton(texts.model.back, () => void attempt(backToEmbedded), {
        hidden: () => (isEmbedded() ? "" : undefined),
      }),
      makeButton(texts.model.backToServer, () => void attempt(backToServer), {
        hidden: () =>
          servedBy() && !servedBy()!.needsKey && engine.value?.kind !== "server" ? undefined : "",
      }),
    ),
    make("p", { class: "failed", role: "alert" }, () => failure.value),
  );
}

async function backToEmbedded(): Promise<void> {
  change({ model: "" });
  await openEmbedded();
  await ask();
}

async function backToServer(): Promise<void> {
  change({ model: "" });
  await openServer();
  await ask();
}

function drawHub(): HTMLElement {
  const field = make("input", {
    id: "hub",
    placeholder: texts.model.hubHint,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "hub-means",
  });
  if (state.value.model) field.value = state.value.model;
  const form = make(
    "form",
    { class: "row" },
    make(
      "div",
      { class: "field grow", style: "display: block" },
      make("label", { for: "hub" }, texts.model.hub),
      field,
    ),
    make("button", { type: "submit" }, texts.model.look),
    make("span", { class: "faint", id: "hub-means" }, texts.model.hubMeans),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(() => lookUp(field.value));
  });
  return form;
}

async function lookUp(words: string): Promise<void> {
  const named = readHubName(words);
  if (!named) throw new Error(texts.model.wrongName(words));
  const choice = chooseFiles(await listRepository(named.id), named.file);
  if (!choice) throw new Error(texts.model.nothingFits(named.id));
  const name = words.trim();
  const files = `${choice.files.map(({ path }) => path).join(", ")}.`;
  offer.value = { says: [texts.model.reading], label: "" };
  // Its headers lie where its weights do: only they are read.
  const place = `${hub}/${named.id}/resolve/main/`;
  const needs = await needsOf(choice.kind === "gguf" ? `${place}${choice.files[0]!.path}` : place);
  offer.value = {
    says: [texts.model.needs(name, needs, choice.bytes), texts.model.memory(needs), files],
    label: texts.model.fetch(choice.bytes),
    ...(!needs.refusal && { accept: () => bring(name, named.id, choice) }),
  };
}

async function bring(name: string, id: string, choice: HubChoice): Promise<void> {
  await fetchModel(id, choice, (done) => {
    progress.value = { done, total: choice.bytes };
  });
  await refreshKept();
  change({ model: name });
  await offerModel(await openKept(id, choice.kind), name, choice.bytes);
}

/** Where there is a card, WebGPU; a visitor may choose otherwise. */
function drawBackend(): HTMLElement {
  const options = backendNames.map((value) => make("option", { value }, texts.model.backends[value]));
  const select = make("select", { id: "backend" }, ...options);
  watch(() => {
    select.value = state.value.backend;
  });
  select.addEventListener("change", () => {
    change({ backend: select.value as BackendChoice });
    if (isEmbedded()) void attempt(backToEmbedded);
  });
  return make("p", { class: "row" }, make("label", { for: "backend" }, texts.model.backend), select);
}

function drawKept(): HTMLElement {
  const list = make("ul", { class: "kept" });
  let end = () => {};
  watch(() => {
    end();
    const drawn = drawScoped(() => kept.value.map(drawOne));
    list.replaceChildren(...drawn.result);
    end = drawn.end;
  });
  const says = () =>
    kept.value.length === 0 ? texts.model.keptNone : texts.megabytes(keptBytes(kept.value));
  return make("div", {}, make("h3", {}, texts.model.kept), make("p", { class: "faint" }, says), list);
}

function drawOne({ id, kind, bytes }: KeptModel): HTMLElement {
  const remove = async () => {
    await removeKept(id);
    await refreshKept();
  };
  const use = async () => {
    change({ model: id });
    await offerModel(await openKept(id, kind), id, bytes);
  };
  return make(
    "li",
    { class: "row" },
    make("span", {}, `${id}, ${texts.megabytes(bytes)}`),
    makeButton(texts.model.open, () => void attempt(use)),
    makeButton(texts.model.remove(id), () => void attempt(remove)),
  );
}

async function refreshKept(): Promise<void> {
  kept.value = await listKept().catch(() => []);
}
