import { FilesError } from "../errors.js";

const newline = 0x0a;

/**
 * The text of what people hand over, without a byte order mark.
 *
 * @param source where the bytes come from, for the error
 * @throws FilesError `file-unreadable` with the place, for what is not UTF-8
 */
export function decodeText(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const isTooLong = !(cause instanceof TypeError);
    const message = isTooLong
      ? `${source} is longer than a text can be here: give it in parts.`
      : `${source} must be text in UTF-8, and ${describe(bytes)}. Save it as UTF-8, by an editor or by iconv.`;
    throw new FilesError("file-unreadable", message, { cause });
  }
}

/** What is wrong with bytes that are not UTF-8. */
function describe(bytes: Uint8Array): string {
  const begin = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
  if (begin === 0xfffe || begin === 0xfeff) return "it begins as UTF-16 does";
  // A newline is part of no other character: each line is UTF-8, or not, for itself.
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const found = bytes.indexOf(newline, start);
    const end = found < 0 ? bytes.length : found;
    const fault = faultIn(bytes.subarray(start, end));
    if (fault !== undefined) return describeByte(bytes, start + fault, line);
    start = end + 1;
  }
  return "it is in another encoding";
}

function describeByte(bytes: Uint8Array, offset: number, line: number): string {
  const hex = `0x${bytes[offset]!.toString(16).toUpperCase()}`;
  return `the byte ${hex} on line ${line} (byte ${offset + 1} of all) begins no character of it`;
}

/** Where the first character begins that is none. */
function faultIn(line: Uint8Array): number | undefined {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let start = 0;
  try {
    for (let at = 0; at < line.length; at++) {
      if (decoder.decode(line.subarray(at, at + 1), { stream: true }) !== "") start = at + 1;
    }
    decoder.decode();
    return undefined;
  } catch {
    return start;
  }
}
