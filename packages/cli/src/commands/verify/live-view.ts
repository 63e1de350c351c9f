/** The verification while it runs: the table that fills on a terminal, one moving line where only errors go to one. */
import type { Finding, PlannedCheck, RunProgress } from "@amulet-ts/verify";
import type { Io } from "../../io.js";
import { colorsFor, isLively } from "../../terminal/colors.js";
import { cutToWidth } from "../../terminal/columns.js";
import { formatDuration } from "../../terminal/download-rate.js";
import { LiveArea } from "../../terminal/live-area.js";
import { Progress } from "../../terminal/progress.js";
import { formatTable } from "./view.js";

interface GrowingColumn {
  readonly name: string;
  readonly findings: Finding[];
  readonly planned: readonly PlannedCheck[];
  progress?: RunProgress;
}

/** Cells of the bar. */
const barWidth = 24;

export class LiveView {
  private readonly columns: GrowingColumn[] = [];
  private readonly area: LiveArea | undefined;
  private readonly line: Progress;
  private readonly began = performance.now();

  /** @param columnCount how many columns there will be, so that the share done is of all of them */
  constructor(
    private readonly io: Io,
    private readonly header: readonly string[],
    private readonly columnCount: number,
    json: boolean,
  ) {
    this.area = !json && isLively(io.stdout, io.environment) ? new LiveArea(io.stdout) : undefined;
    this.line = new Progress(io, "Verifying");
  }

  open(name: string, planned: readonly PlannedCheck[]): void {
    this.columns.push({ name, planned, findings: [] });
  }

  note(progress: RunProgress): void {
    this.columns.at(-1)!.progress = progress;
    const done = this.share();
    if (this.area) this.area.draw(() => this.frame(done));
    else this.line.update(done, 1, this.facts(progress));
  }

  add(finding: Finding): void {
    const column = this.columns.at(-1)!;
    column.findings.push(finding);
    delete column.progress;
  }

  /** Takes away what moved. */
  clear(): void {
    this.line.clear();
    this.area?.finish([]);
  }

  /** Laws done of all laws of all columns; a law under trial counts by its cases. */
  private share(): number {
    const done = this.columns.map(({ findings, planned, progress }) => {
      const part = progress ? Math.min(1, progress.cases / progress.planned) : 0;
      return (findings.length + part) / Math.max(1, planned.length);
    });
    return done.reduce((sum, share) => sum + share, 0) / this.columnCount;
  }

  private facts({ label, cases, planned }: RunProgress): string[] {
    const elapsed = (performance.now() - this.began) / 1000;
    const share = this.share();
    const left = share > 0.02 ? [`${formatDuration((elapsed * (1 - share)) / share)} left`] : [];
    const count = `${Math.min(cases, planned).toLocaleString("en-US")} of ${planned.toLocaleString("en-US")}`;
    return [this.columns.at(-1)!.name, label, count, ...left];
  }

  /** What fits: the header, as much of the table as there is room for around the law under trial, the bar. */
  private frame(share: number): string[] {
    const colors = colorsFor(this.io.stdout, this.io.environment);
    const width = (this.io.stdout.columns ?? 80) - 1;
    const {
      lines: [head = "", ...body],
      current,
    } = formatTable(this.columns, colors);
    const room = Math.max(3, this.area!.height - this.header.length - 3);
    const first = Math.max(0, Math.min(current - Math.ceil((2 * room) / 3), body.length - room));
    const full = Math.round(share * barWidth);
    const bar = colors.green("━".repeat(full)) + colors.dim("─".repeat(barWidth - full));
    const facts = this.facts(this.columns.at(-1)!.progress!);
    return [
      ...this.header,
      head,
      ...body.slice(first, first + room),
      "",
      [`${bar} ${Math.floor(share * 100)} %`, ...facts].join(" · "),
    ].map((line) => cutToWidth(line, width));
  }
}
