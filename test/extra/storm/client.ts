/** A client of a storm: it asks again and again, in one of the ways that clients have, and knows what it must hear. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Parsed } from "@amulet-ts/testing/server/event-stream";
import { allEvents, eventsOf, parseWire } from "./reading.js";
import { addPiece, badBodies, readEvents, type Solo, streamed, textOf } from "./requests.js";

export interface Storm {
  readonly address: string;
  readonly solos: readonly Solo[];
  readonly random: () => number;
  /** When clients ask no more, by `performance.now()`. */
  readonly until: number;
  /** What was done, by its name. */
  readonly counts: Map<string, number>;
  /** Pieces that were compared. */
  heard: number;
  readonly firstMs: number[];
}

type Way = (storm: Storm, solo: Solo) => Promise<string>;

const times = (count: number, way: Way) => Array<Way>(count).fill(way);

/** As often as they stand here. */
const ways: readonly Way[] = [
  ...times(25, readWhole),
  ...times(7, readAtOnce),
  ...times(7, abort),
  ...times(4, disconnect),
  ...times(2, readSlowly),
  ...times(5, askBadly),
];

/** @throws Error for a token that is wrong, missing or there twice, and for an answer that nothing was asked for */
export async function runClient(storm: Storm): Promise<void> {
  while (performance.now() < storm.until) {
    await pause(300 * storm.random());
    const way = pick(storm, ways);
    const done = await way(storm, pick(storm, storm.solos));
    storm.counts.set(done, (storm.counts.get(done) ?? 0) + 1);
  }
}

const pick = <T>({ random }: Storm, all: readonly T[]): T => all[Math.floor(all.length * random())]!;

async function readWhole(storm: Storm, solo: Solo): Promise<string> {
  const started = performance.now();
  const response = await post(storm, solo, streamed(solo.asked));
  if (response.status === 429) return turnedAway(response);
  const events: Parsed[] = [];
  for await (const event of eventsOf(response)) {
    if (events.push(event) === 2) storm.firstMs.push(performance.now() - started);
  }
  compare(storm, solo, readEvents(events));
  return "streamed";
}

async function readAtOnce(storm: Storm, solo: Solo): Promise<string> {
  const response = await post(storm, solo, JSON.stringify(solo.asked.body));
  if (response.status === 429) return turnedAway(response);
  const { choices, usage }: Parsed = await response.json();
  const pieces = choices.map((choice: Parsed) => [textOf(choice)]);
  const ends = choices.map((choice: Parsed) => choice.finish_reason);
  const joined = { ...solo, pieces: solo.pieces.map((own) => [own.join("")]) };
  compare(storm, joined, { pieces, ends, usage });
  return "whole";
}

async function abort(storm: Storm, solo: Solo): Promise<string> {
  const leaving = new AbortController();
  const response = await post(storm, solo, streamed(solo.asked), leaving.signal);
  if (response.status === 429) return turnedAway(response);
  const most = Math.floor(8 * storm.random());
  const heard: string[][] = [];
  let count = 0;
  for await (const event of eventsOf(response)) {
    for (const choice of event.choices ?? []) {
      addPiece(heard, choice);
      count++;
    }
    if (count > most) break;
  }
  leaving.abort();
  for (const [index, pieces] of heard.entries())
    expectSame(solo, pieces ?? [], solo.pieces[index]!.slice(0, pieces?.length));
  storm.heard += count;
  return "aborted";
}

/** Goes away while its request is sent, or as soon as it is. */
async function disconnect(storm: Storm, solo: Solo): Promise<string> {
  const request = onTheWire(storm, solo);
  const socket = await open(storm);
  socket.write(request.slice(0, Math.ceil(request.length * Math.min(1, 1.5 * storm.random()))));
  await pause(40 * storm.random());
  socket.destroy();
  return "disconnected";
}

/** Reads a byte a second for a while, and then the rest. */
async function readSlowly(storm: Storm, solo: Solo): Promise<string> {
  const socket = await open(storm);
  socket.pause();
  socket.write(onTheWire(storm, solo));
  const bytes: Buffer[] = [];
  for (let second = 0; second < 8 && performance.now() < storm.until; second++) {
    await pause(1000);
    const one: Buffer | null = socket.read(1);
    if (one) bytes.push(one);
  }
  for await (const chunk of socket) bytes.push(chunk as Buffer);
  const answer = Buffer.concat(bytes);
  if (answer.toString("latin1", 0, 12) === "HTTP/1.1 429") return "turned away";
  compare(storm, solo, readEvents(parseWire(answer)));
  return "read slowly";
}

async function askBadly(storm: Storm, solo: Solo): Promise<string> {
  const body = pick(storm, badBodies);
  const response = await post(
    storm,
    { ...solo, asked: { ...solo.asked, path: "/v1/chat/completions" } },
    body,
  );
  const { error }: Parsed = await response.json();
  if (response.status >= 400 && response.status < 500 && typeof error.message === "string") return "refused";
  throw new Error(`${body.slice(0, 80)} was answered with ${response.status}`);
}

function post({ address }: Storm, { asked }: Solo, body: string, signal?: AbortSignal): Promise<Response> {
  return fetch(address + asked.path, { method: "POST", body, ...(signal && { signal }) });
}

async function turnedAway(response: Response): Promise<string> {
  await allEvents(response).catch(() => {});
  return "turned away";
}

function compare(storm: Storm, solo: Solo, { pieces, ends, usage }: Omit<Solo, "asked">): void {
  expectSame(solo, pieces, solo.pieces);
  expectSame(solo, ends, solo.ends);
  expectSame(solo, usage, solo.usage);
  storm.heard += pieces.flat().length;
}

function expectSame({ asked }: Solo, came: unknown, expected: unknown): void {
  const [own, alone] = [came, expected].map((value) => JSON.stringify(value));
  if (own !== alone) throw new Error(`${JSON.stringify(asked)} was answered\n${own}\nand alone\n${alone}`);
}

async function open({ address }: Storm): Promise<Socket> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  // Whoever goes away hears no complaint.
  socket.on("error", () => {});
  return socket;
}

function onTheWire(_: Storm, { asked }: Solo): string {
  const body = streamed(asked);
  const head = [
    `POST ${asked.path} HTTP/1.1`,
    "host: localhost",
    "connection: close",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
