/** The real chat model beside the repository, and what the published code says with it. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const shared = fileURLToPath(new URL("../../../shared/", import.meta.url));
export const smolPath = `${shared}models/SmolLM2-135M-Instruct.Q4_1.gguf`;
export const hasSmol = existsSync(smolPath);

export interface AmuletRun {
  readonly question: string;
  readonly preference: string;
  readonly iterations: number;
  readonly alpha: number;
  readonly lambda: number;
  readonly eta: number;
  readonly base_ids: number[];
  readonly preference_ids: number[];
  readonly amulet_tokens: number[];
  readonly margins: number[];
  readonly linear_alignment_ratio: number;
  readonly linear_alignment_tokens: number[];
}

export const smolFixture = (name: string) => `${shared}fixtures/smollm2-135m-instruct/${name}`;

export const readSmolJson = (name: string) => JSON.parse(readFileSync(smolFixture(name), "utf8"));
