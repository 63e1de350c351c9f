import { Parrot } from "./parrot.js";

/** Stands where the README loads a model: one whose answer depends on the preference in the prompt. */
export async function loadModel(_path: string): Promise<Parrot> {
  return new Parrot((prompt) => {
    if (prompt.includes("concise")) return "Boil, brew.";
    return prompt.includes("formal") ? "One boils water." : "Boil water and brew it.";
  });
}
