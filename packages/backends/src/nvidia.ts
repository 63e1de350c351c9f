/** What NVIDIA's driver says of its first card. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { hasDevice } from "./devices.js";

export interface NvidiaCard {
  readonly name: string;
  readonly memoryBytes: number;
}

/** Whether there may be a card: cheap enough to ask at every start. */
export function mayHaveNvidiaCard(): boolean {
  return process.platform === "win32" || hasDevice("/dev", /^(nvidia\d+|dxg)$/);
}

/** The first card, or undefined where the driver does not answer. */
export async function findNvidiaCard(): Promise<NvidiaCard | undefined> {
  const query = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
  const answer = await promisify(execFile)("nvidia-smi", query, { timeout: 10_000 }).catch(() => undefined);
  return answer && parseCard(answer.stdout);
}

/** `NVIDIA H200, 143771`: name and mebibytes, a card a line. */
export function parseCard(text: string): NvidiaCard | undefined {
  const [, name, mebibytes] = /^(.+), *(\d+) *$/m.exec(text) ?? [];
  return name && mebibytes ? { name: name.trim(), memoryBytes: Number(mebibytes) * 2 ** 20 } : undefined;
}
