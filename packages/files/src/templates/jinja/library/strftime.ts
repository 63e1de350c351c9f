import { notRead } from "../template-error.js";

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const directive = /%([-_0^#]?)([\s\S]|$)/gu;

/** A local time as Python's `strftime` writes it in the C locale. @throws TemplateError for an unknown directive */
export function strftime(date: Date, form: string): string {
  return form.replace(directive, (whole, flag: string, letter: string) => {
    const write = Object.hasOwn(written, letter) ? written[letter] : undefined;
    if (!write) throw notRead(`the directive ${whole} of strftime_now`);
    return applyFlag(write(date), flag, letter);
  });
}

const pad = (value: number, width = 2, fill = "0") => String(value).padStart(width, fill);
const hour12 = (date: Date) => date.getHours() % 12 || 12;

const written: Readonly<Record<string, (date: Date) => string>> = {
  "%": () => "%",
  n: () => "\n",
  t: () => "\t",
  a: (date) => weekdays[date.getDay()]!.slice(0, 3),
  A: (date) => weekdays[date.getDay()]!,
  b: (date) => months[date.getMonth()]!.slice(0, 3),
  h: (date) => months[date.getMonth()]!.slice(0, 3),
  B: (date) => months[date.getMonth()]!,
  c: (date) => strftime(date, "%a %b %e %H:%M:%S %Y"),
  C: (date) => pad(Math.floor(date.getFullYear() / 100)),
  d: (date) => pad(date.getDate()),
  D: (date) => strftime(date, "%m/%d/%y"),
  e: (date) => pad(date.getDate(), 2, " "),
  f: (date) => pad(date.getMilliseconds() * 1000, 6),
  F: (date) => strftime(date, "%Y-%m-%d"),
  g: (date) => pad(isoWeek(date).year % 100),
  G: (date) => pad(isoWeek(date).year, 4),
  H: (date) => pad(date.getHours()),
  I: (date) => pad(hour12(date)),
  j: (date) => pad(dayOfYear(date) + 1, 3),
  k: (date) => pad(date.getHours(), 2, " "),
  l: (date) => pad(hour12(date), 2, " "),
  m: (date) => pad(date.getMonth() + 1),
  M: (date) => pad(date.getMinutes()),
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  P: (date) => (date.getHours() < 12 ? "am" : "pm"),
  r: (date) => strftime(date, "%I:%M:%S %p"),
  R: (date) => strftime(date, "%H:%M"),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => pad(date.getSeconds()),
  T: (date) => strftime(date, "%H:%M:%S"),
  u: (date) => String(date.getDay() || 7),
  U: (date) => pad(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  V: (date) => pad(isoWeek(date).week),
  w: (date) => String(date.getDay()),
  W: (date) => pad(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  x: (date) => strftime(date, "%m/%d/%y"),
  X: (date) => strftime(date, "%H:%M:%S"),
  y: (date) => pad(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  // A time without its zone, as datetime.now() is one.
  z: () => "",
  Z: () => "",
};

/** The GNU flags: no padding, padding by spaces or zeros, capitals. */
function applyFlag(text: string, flag: string, letter: string): string {
  if (flag === "^") return text.toUpperCase();
  if (flag === "#") return letter === "p" ? text.toLowerCase() : text.toUpperCase();
  if (!/^[ \d]+$/.test(text) || flag === "") return text;
  const bare = text.replace(/^[ 0]+(?=\d)/, "");
  if (flag === "-") return bare;
  return bare.padStart(text.length, flag === "_" ? " " : "0");
}

function dayOfYear(date: Date): number {
  const days = (year: number, month: number, day: number) => Date.UTC(year, month, day) / 86_400_000;
  return days(date.getFullYear(), date.getMonth(), date.getDate()) - days(date.getFullYear(), 0, 1);
}

/** The week of ISO 8601, which belongs to the year of its Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (date.getDay() || 7));
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}
