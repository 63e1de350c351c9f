/** A run's answers and numbers for other programs: CSV, JSON lines, LaTeX. */
import type { JudgedAnswer } from "./run-cells.js";
import type { RunSummary } from "./summarise-run.js";

/** One row for each answer, with its scores (RFC 4180, a header first). */
export function writeCsv(judged: readonly JudgedAnswer[], names: readonly string[]): string {
  const head = ["question_id", "question", "preference", "setting", "sample", ...names, "drift", "tokens"];
  const rows = judged.map(({ cell, answer, pair }) => [
    pair.questionId,
    pair.question,
    pair.preferenceName,
    cell.setting,
    answer.sample,
    ...names.map((name) => cell.scores[name]!),
    cell.drift ?? "",
    cell.tokens,
    cell.finishReason,
    cell.text,
  ]);
  return [[...head, "finish_reason", "text"], ...rows]
    .map((row) => `${row.map(quote).join(",")}\r\n`)
    .join("");
}

function quote(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The lines of the run with question and scores beside what they have. */
export function writeJsonLines(judged: readonly JudgedAnswer[]): string {
  return judged
    .map(({ cell, answer, pair }) => {
      const { question, preference: preferenceText } = pair;
      return `${JSON.stringify({ question, preferenceText, ...answer, drift: cell.drift, scores: cell.scores })}\n`;
    })
    .join("");
}

/** The paper's table: a row for each setting, a column for each preference, the first score with its interval. */
export function writeLatex({ groups, measures, reference, ...run }: RunSummary): string {
  const columns = groups.filter(({ preference }) => preference !== null);
  const first = measures[0]!;
  const rows = groups[0]!.settings.map(({ key, name }) => {
    const cells = columns.map(({ settings }) => {
      const interval = settings.find((one) => one.key === key)?.summary[first];
      if (!interval) return "--";
      const [mean, low, high] = [interval.mean, interval.low, interval.high].map((value) => value.toFixed(2));
      return `${mean} {\\scriptsize [${low}, ${high}]}`;
    });
    return `${[escapeLatex(name), ...cells].join(" & ")} \\\\`;
  });
  return [
    `% ${escapeLatex(run.source.model)}, ${run.questions} questions; 95 % intervals over questions; reference: ${escapeLatex(reference.name)}`,
    `\\begin{tabular}{l${"c".repeat(columns.length)}}`,
    "\\toprule",
    `${[`\\emph{${escapeLatex(first)}}`, ...columns.map(({ preference }) => escapeLatex(preference!))].join(" & ")} \\\\`,
    "\\midrule",
    ...rows,
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

const latexCharacters: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "≤": "$\\leq$",
};

function escapeLatex(text: string): string {
  return text.replace(/[\\~^≤&%$#_{}]/g, (character) => latexCharacters[character] ?? `\\${character}`);
}
