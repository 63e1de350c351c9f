import { FilesError } from "../errors.js";
import type { ModelFile } from "./model-file.js";

/** Bytes fetched at once while a header is read. */
const windowBytes = 1 << 20;

/** Longer strings occur in no known model and would not fit JavaScript's strings safely. */
const longestString = 1 << 28;

/** The longest key or tensor name that GGUF allows, in bytes. */
export const longestName = 65_535;

/** A byte order mark is a character of the text, as any other. */
export const utf8: { decode(bytes: Uint8Array): string } = new TextDecoder("utf-8", { ignoreBOM: true });

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Reads a file from its start on, one value after the other, fetching a window at a time. Little-endian. */
export class ByteCursor {
  /** The byte that the next value starts at. */
  position = 0;
  private window = new Uint8Array(0);
  private view = viewOf(this.window);
  private windowStart = 0;

  constructor(readonly file: ModelFile) {}

  get remaining(): number {
    return this.file.size - this.position;
  }

  /**
   * The next `count` bytes, valid for as long as they are held.
   *
   * @throws FilesError `truncated-file` before anything is allocated
   */
  async take(count: number, what: string): Promise<Uint8Array> {
    if (count > this.remaining) throw this.file.truncated(what, this.position, count);
    if (this.position + count > this.windowStart + this.window.length) await this.moveWindow(count, what);
    const from = this.position - this.windowStart;
    this.position += count;
    return this.window.subarray(from, from + count);
  }

  async takeUint32(what: string): Promise<number> {
    return viewOf(await this.take(4, what)).getUint32(0, true);
  }

  /** An unsigned 64-bit length, count or offset. @throws FilesError `bad-header` above 2^53 */
  async takeSize(what: string): Promise<number> {
    const view = viewOf(await this.take(8, what));
    const size = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
    if (Number.isSafeInteger(size)) return size;
    throw this.badHeader(
      what,
      this.position - 8,
      `${view.getBigUint64(0, true)}, more than any file can hold`,
    );
  }

  /** A count of things that take at least `bytesEach` bytes each. @throws FilesError `truncated-file` */
  async takeCount(what: string, bytesEach: number): Promise<number> {
    const count = await this.takeSize(what);
    if (count * bytesEach > this.remaining) {
      throw this.file.truncated(`${what} of ${count}`, this.position, count * bytesEach);
    }
    return count;
  }

  /** A string behind its 64-bit length; bytes that are not UTF-8 become U+FFFD. */
  async takeString(what: string, longest = longestString): Promise<string> {
    const length = await this.takeSize(what);
    if (length > longest) {
      throw this.badHeader(what, this.position - 8, `a string of ${length} bytes, longer than ${longest}`);
    }
    return utf8.decode(await this.take(length, what));
  }

  /** So many strings, one behind the other. */
  async takeStrings(count: number, what: string): Promise<string[]> {
    const strings: string[] = [];
    // A promise for each would take longer than reading them.
    while (strings.length < count) strings.push(this.fetchedString() ?? (await this.takeString(what)));
    return strings;
  }

  /** The next string where all of it has been fetched. */
  private fetchedString(): string | undefined {
    const start = this.position - this.windowStart + 8;
    if (start > this.window.length || this.view.getUint32(start - 4, true) !== 0) return undefined;
    const end = start + this.view.getUint32(start - 8, true);
    if (end > this.window.length || end - start > longestString) return undefined;
    this.position += end - start + 8;
    return utf8.decode(this.window.subarray(start, end));
  }

  badHeader(what: string, position: number, came: string): FilesError {
    return new FilesError(
      "bad-header",
      `${this.file.path} has a damaged header: at byte ${position}, ${what} is ${came}. Fetch the file again.`,
    );
  }

  private async moveWindow(count: number, what: string): Promise<void> {
    const length = Math.min(Math.max(count, windowBytes), this.remaining);
    // A new buffer each time: bytes handed out before keep their meaning.
    const window = new Uint8Array(length);
    await this.file.read(window, this.position, what);
    this.window = window;
    this.view = viewOf(window);
    this.windowStart = this.position;
  }
}
