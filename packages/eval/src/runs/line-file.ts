/** A file of JSON lines that only grows. A line is there whole and on the disk, or not at all. */
import { type FileHandle, open } from "node:fs/promises";
import { reasonOf } from "@amulet-ts/files";
import * as v from "valibot";
import { EvaluationError } from "../errors.js";

const newline = 0x0a;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

export class LineFile<Line> {
  private constructor(
    readonly path: string,
    /** What it held when it was opened. */
    readonly lines: readonly Line[],
    private readonly file: FileHandle,
    private length: number,
  ) {}

  /**
   * Opens the file, or begins it. A last line that is not whole, as a crash leaves it, is cut off.
   *
   * @throws EvaluationError `bad-file` for any other line that the schema refuses
   */
  static async open<Line>(path: string, schema: v.GenericSchema<unknown, Line>): Promise<LineFile<Line>> {
    const file = await open(path, "a+");
    try {
      const { lines, length } = parseLines(await file.readFile(), schema, path);
      await file.truncate(length);
      return new LineFile(path, lines, file, length);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Appends lines in one write, and waits until they are on the disk.
   *
   * @throws EvaluationError `no-room`; the file is then as it was
   */
  async append(lines: readonly Line[]): Promise<void> {
    const text = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    try {
      await this.file.appendFile(text);
      await this.file.datasync();
      this.length += text.length;
    } catch (cause) {
      await this.file.truncate(this.length).catch(() => {});
      throw new EvaluationError(
        "no-room",
        `${this.path} can't be written: ${reasonOf(cause)}. What was complete before is kept; make room ` +
          "and start the same command again.",
        { cause },
      );
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** The whole lines of a file, and how many bytes they take. @throws EvaluationError `bad-file` */
export function parseLines<Line>(
  bytes: Uint8Array,
  schema: v.GenericSchema<unknown, Line>,
  source: string,
): { readonly lines: Line[]; readonly length: number } {
  const written = splitLines(bytes);
  const lines = written.map((line) => parseLine(line, schema));
  // A disk that lost its power may have made the file longer before it wrote what belongs there.
  if (lines.length > 0 && lines.at(-1) === undefined) {
    lines.pop();
    written.pop();
  }
  const bad = lines.indexOf(undefined);
  if (bad >= 0) {
    throw new EvaluationError(
      "bad-file",
      `Line ${bad + 1} of ${source} is no line of this file's kind: the file was changed, or another version wrote ` +
        "it. Give another folder, or take that line out to have it done again.",
    );
  }
  const length = written.reduce((sum, line) => sum + line.length + 1, 0);
  return { lines: lines as Line[], length };
}

/** Without what stands behind the last newline. */
function splitLines(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

function parseLine<Line>(line: Uint8Array, schema: v.GenericSchema<unknown, Line>): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(strictUtf8.decode(line));
  } catch {
    return undefined;
  }
  const { success, output } = v.safeParse(schema, value);
  return success ? output : undefined;
}
