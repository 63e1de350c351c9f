import { availableParallelism, cpus } from "node:os";
import { startBackend } from "@amulet-ts/backends";
import { loadModel } from "@amulet-ts/models";

/** Loads a model and says on what. */
export async function startModel(modelPath, backendName) {
  const backend = await startBackend(backendName);
  const start = performance.now();
  const model = await loadModel(modelPath, { memory: backend.memory });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const peak = (process.resourceUsage().maxRSS / 2 ** 20).toFixed(2);
  console.log(`${model.name} on ${backend.name} (${backend.description}), ${machine()}`);
  console.log(`loaded in ${seconds} s, peak memory of the process ${peak} GiB\n`);
  return { model, config: model.config };
}

export function machine() {
  return `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, Node ${process.versions.node}`;
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Prints a table and an empty line; numbers with three significant digits. */
export function printTable(head, rows) {
  const cells = [
    head,
    ...rows.map((row) => row.map((cell) => (typeof cell === "number" ? cell.toPrecision(3) : cell))),
  ];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells)
    console.log(row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[0]))).join("  "));
  console.log();
}

/** Milliseconds that work takes, awaited. */
export async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
