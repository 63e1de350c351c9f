import fc from "fast-check";
import { expect, test } from "vitest";
import { TextUntilStop } from "../src/text/text-until-stop.js";

/** Text and stops of few letters, so that they meet, overlap and nearly meet; tokens are pieces of the text. */
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength, maxLength });
const any = fc.record({
  pieces: fc.array(letters(0, 4), { maxLength: 8 }),
  stops: fc.array(letters(1, 4), { maxLength: 3 }),
  atTheEnd: letters(0, 2),
});

/** A decoder of tokens that number the pieces, with something left at the end. */
function streamOf(pieces: readonly string[], atTheEnd: string) {
  return { push: (id: number) => pieces[id]!, flush: () => atTheEnd };
}

/** Where the first stop text begins in what has been said, or −1. */
function firstStop(said: string, stops: readonly string[]): number {
  const found = stops.map((stop) => said.indexOf(stop)).filter((at) => at >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

test("what is shown is all that may be shown at that time: up to a stop text, or to what may become one", () => {
  fc.assert(
    fc.property(any, ({ pieces, stops, atTheEnd }) => {
      const text = new TextUntilStop(streamOf(pieces, atTheEnd), stops);
      let said = "";
      let shown = "";
      let end = -1;
      let count = 0;
      for (const [id, piece] of pieces.entries()) {
        said += piece;
        count++;
        const stopped = text.push(id);
        end = firstStop(said, stops);
        expect(stopped).toBe(end >= 0);
        shown += text.take();
        if (stopped) break;
        // The longest end of what was said that some stop text goes on from.
        const held = [...said].findIndex((_, at) => stops.some((stop) => stop.startsWith(said.slice(at))));
        expect(shown).toBe(held < 0 ? said : said.slice(0, held));
      }
      shown += text.finish();
      const all = end >= 0 ? said.slice(0, end) : said + atTheEnd;
      expect(shown).toBe(all);
      expect(text.answer("stop")).toEqual({
        text: all,
        ids: pieces.slice(0, count).map((_, id) => id),
        finishReason: "stop",
      });
    }),
    { seed: 61, numRuns: 2000 },
  );
});
