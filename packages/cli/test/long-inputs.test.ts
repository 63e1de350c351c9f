/** What is long is printed as what is short is: no list of it goes through the arguments of a call. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { amulet, tinyModel } from "@amulet-ts/testing/cli/fake-io";
import { makeFolder } from "@amulet-ts/testing/files/checkpoint-writer";
import { expect, test } from "vitest";
import { plotCurves } from "../src/terminal/plot.js";
import { layOutTable } from "../src/terminal/table.js";

const count = 200_000;

test("a chat of so many tokens is tokenized", async () => {
  const chat = join(await makeFolder(), "chat.json");
  await writeFile(chat, JSON.stringify([{ role: "user", content: "!".repeat(count) }]));
  const { status, stdout } = await amulet(["tokenize", "--chat", chat, "--model", tinyModel]);
  expect(status).toBe(0);
  expect(stdout.split("\n").length).toBeGreaterThan(count / 20);
});

test("a table of so many rows is laid out, and a curve of so many steps plotted", () => {
  const rows = layOutTable(Array(count).fill(["a", "bc"]), []);
  expect([rows.length, rows[0]]).toEqual([count, "a  bc"]);
  const plot = plotCurves([{ mark: "*", values: Array(count).fill(0.5) }], { width: 10, height: 3 });
  expect(plot.join("\n")).toContain("**********");
});
