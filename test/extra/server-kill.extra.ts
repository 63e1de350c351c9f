/** `amulet serve` as a process that is ended by SIGTERM while it streams. `AMULET_KILLS` makes it more often than here. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { xoshiro128 } from "@amulet-ts/core";
import type { Parsed } from "@amulet-ts/testing/server/event-stream";
import { expect, test } from "vitest";
import { eventsOf } from "./storm/reading.js";

const command = fileURLToPath(new URL("../../packages/cli/bin/amulet.js", import.meta.url));
const { AMULET_KILLS: kills = "4" } = process.env;

interface Serving {
  readonly process: ChildProcess;
  readonly address: string;
  /** All that it has written. */
  readonly written: { out: string; error: string };
  readonly ended: Promise<unknown[]>;
}

async function serve(grace: string): Promise<Serving> {
  const words = ["serve", "--port", "0", "--backend", "wasm", "--json", "--grace", grace];
  const child = spawn(process.execPath, [command, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  const written = { out: "", error: "" };
  child.stdout.on("data", (text) => (written.out += text));
  child.stderr.on("data", (text) => (written.error += text));
  const ended = once(child, "exit");
  while (!written.out.includes("\n")) await Promise.race([once(child.stdout, "data"), ended]);
  const { listening } = JSON.parse(written.out.split("\n")[0]!);
  return { process: child, address: listening, written, ended };
}

const body = (change: object) =>
  JSON.stringify({
    messages: [{ role: "user", content: "How do I make tea?" }],
    ...{ amulet: { preference: "Your answer should be verbose." }, logit_bias: { 2: -100 }, ...change },
  });

const ask = ({ address }: Serving, change: object) =>
  fetch(`${address}/chat/completions`, { method: "POST", body: body(change) });

const textOf = (events: readonly Parsed[]) =>
  events.map(({ choices }) => choices?.[0]?.delta.content ?? "").join("");

/** Three streams and one that is answered at once; SIGTERM comes when this much was heard, and a little later. */
async function endInMidStream(serving: Serving, asked: object, laterMs: number) {
  let heard = 0;
  const streams = [0, 1, 2].map(async () => {
    const events: Parsed[] = [];
    for await (const event of eventsOf(await ask(serving, { ...asked, stream: true }))) {
      events.push(event);
      heard++;
    }
    return events;
  });
  const whole = ask(serving, asked);
  while (heard < 12) await pause(2);
  await pause(laterMs);
  serving.process.kill("SIGTERM");
  return { streams: await Promise.all(streams), whole: await whole };
}

/** It has gone by itself, with nothing to complain of, and told of its address and of each request. */
async function expectGone(serving: Serving): Promise<void> {
  expect(await serving.ended, serving.written.error).toEqual([0, null]);
  expect(serving.written.error).toBe("");
  const lines = serving.written.out.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line)).length).toBe(5);
  await expect(ask(serving, {})).rejects.toThrow();
}

const name = `ended ${kills} times in mid-stream, it finishes what the grace time allows, tells the others, and goes`;
test.skipIf(process.platform === "win32")(
  name,
  async () => {
    const random = xoshiro128(9);
    const texts = new Set<string>();
    for (let kill = 0; kill < Number(kills); kill += 2) {
      const patient = await serve("60");
      const finished = await endInMidStream(patient, { max_tokens: 40 }, 60 * random());
      for (const events of finished.streams) {
        expect(events.at(-1)).toBe("[DONE]");
        expect(events.at(-2).choices[0].finish_reason).toBe("length");
        texts.add(textOf(events));
      }
      texts.add(((await finished.whole.json()) as Parsed).choices[0].message.content);
      await expectGone(patient);
      const hasty = await serve("0");
      const broken = await endInMidStream(hasty, { max_tokens: 200 }, 60 * random());
      for (const events of broken.streams) expect(events.at(-1).error.code).toBe("server_closing");
      expect(broken.whole.status).toBe(503);
      await expectGone(hasty);
    }
    // What was finished is one answer, whenever the end came.
    expect(texts.size).toBe(1);
  },
  600_000,
);
