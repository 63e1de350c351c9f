import { expect, test } from "vitest";
import { CoreError, strengthSchedule } from "../src/index.js";

test("every token has the strength of the part that it falls in, the end not included", () => {
  const schedule = strengthSchedule("1:0..8, 5.6:8..");
  const scales = [0, 7, 8, 9, 1e6].map((token) => schedule.methodAt(token).guidanceScale);
  expect(scales).toEqual([1, 1, 5.6, 5.6, 5.6]);
});

test("tokens of one part share one method, so that they are one batch", () => {
  const schedule = strengthSchedule("1:0..8,5.6:8..");
  expect(schedule.beforeToken([1, 2, 3]).method).toBe(schedule.methodAt(0));
  expect(schedule.beforeToken(Array(8).fill(1)).method).not.toBe(schedule.methodAt(0));
});

test("a part may begin and end late in an answer, under the name that reports give it", () => {
  const schedule = strengthSchedule("1:0..120, 5.6:120..1000, 2:1000..");
  expect([119, 120, 999, 1000].map((token) => schedule.methodAt(token).guidanceScale)).toEqual([
    1, 5.6, 5.6, 2,
  ]);
  expect(schedule.methodAt(0).name).toBe("schedule");
});

test("parts may stand in any order, and strengths be below zero", () => {
  const infinity = Number.POSITIVE_INFINITY;
  expect(strengthSchedule(" -1:4..6 ,2e1:6.., 0 : 0 .. 4").parts).toEqual([
    { guidanceScale: 0, from: 0, to: 4 },
    { guidanceScale: -1, from: 4, to: 6 },
    { guidanceScale: 20, from: 6, to: infinity },
  ]);
});

test.each<[string, string]>([
  ["", '"" is none'],
  ["1", '"1" is none'],
  ["fast:0..", '"fast:0.." is none'],
  ["very 1:0..", '"very 1:0.." is none'],
  ["Infinity:0..", '"Infinity:0.." is none'],
  ["1:0..8, 5:8...", '"5:8..." is none'],
  ["1:-1..8, 5:8..", '"1:-1..8" is none'],
  ["1:0.5..8, 5:8..", '"1:0.5..8" is none'],
  ["1:0..8,, 5:8..", '"" is none'],
  ["1:0..0, 5:0..", '"1:0..0" ends before it begins'],
  ["1:0..8, 5:7..", '"1:0..8" and "5:7.." overlap'],
  ["1:0.., 5:8..", '"1:0.." and "5:8.." overlap'],
  ["1:0..8, 5:9..", 'between "1:0..8" and "5:9.."'],
  ["1:2..", 'before "1:2.."'],
  ["1:0..8", 'after "1:0..8"'],
])("%j is refused, and the part that is off is named", (text, sentence) => {
  expect(() => strengthSchedule(text)).toThrow(sentence);
  expect(() => strengthSchedule(text)).toThrow(CoreError);
});
