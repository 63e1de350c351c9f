/** What `engine` may be: the names of engines in this process, or the address of a server. */

export const engineNames = ["tfjs", "llama.cpp"] as const;

export type EngineKind = (typeof engineNames)[number] | "http";

/** Undefined where the text is neither a name nor an address. */
export function engineKind(engine: string): EngineKind | undefined {
  return engineNames.find((name) => name === engine) ?? (isAddress(engine) ? "http" : undefined);
}

function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}
