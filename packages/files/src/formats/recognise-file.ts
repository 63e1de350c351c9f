/** Beginnings of files that people take for a model, with what each is and the way out. */
const beginnings: readonly (readonly [start: string, sentence: string])[] = [
  ["GGUF", "It is a GGUF file: give it the ending .gguf."],
  ["FUGG", "It is a big-endian GGUF file, which is not read here: convert it to little-endian."],
  ["version https://git-lfs", "It is a Git LFS pointer, not the file itself: run `git lfs pull`."],
  ["PK", "It is a zip file, probably PyTorch weights: save the model as safetensors or GGUF."],
  ["ggjt", "It is a file from before GGUF: convert it with llama.cpp's scripts."],
  ["<", "It is a web page, probably an error page saved by a download: fetch the file again."],
];

/** One sentence on what a file with these first bytes seems to be, and what to do about it. */
export function describeBeginning(bytes: Uint8Array): string {
  const text = latin1(bytes);
  const known = beginnings.find(([start]) => text.startsWith(start));
  return known?.[1] ?? "Check that it is the right file and that its download was complete.";
}

/** The first bytes as hexadecimal, for error messages. */
export function showBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return "nothing";
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Few bytes as text, each the character of its number. */
export function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
