/**
 * How many threads compute. ggml's threads wait for one another at some hundred places of a pass, spinning; where one of
 * them is off its core, all stand still, and a machine that is busy elsewhere makes two threads slower than one by far
 * (docs/engines.md has the figures). So a count that nobody has fixed follows the cores that are had: down when the threads
 * get less of the processor than they ask for, up when cores are idle.
 */
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

/** Of the processor's time that n threads could have had, the share below which one of them is in the others' way. */
const enough = 0.75;
/** Milliseconds of work over which a share is taken: some turns of the system's scheduler. */
const windowMs = 60;
/** Shares of which the middle one counts: one that a passing burst took says nothing of the next second. */
const shareCount = 5;
/** Milliseconds between two looks for idle cores, doubled whenever one led to nothing. */
const [firstLook, lastLook] = [500, 16_000];

/** What a machine says of itself; tests have machines of their own. */
export interface Machine {
  now(): number;
  /** Milliseconds of processor that this process has had. */
  used(): number;
  /** Milliseconds that cores had nothing to do, over all cores. */
  idle(): number;
}

const thisMachine: Machine = {
  now: () => performance.now(),
  used: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  idle: () => cpus().reduce((sum, { times }) => sum + times.idle, 0),
};

export class ThreadCount {
  private threads: number;
  private wall = 0;
  private used = 0;
  /** Cores that were had, in the last windows with this count. */
  private had: number[] = [];
  private interval = firstLook;
  private looked: { readonly at: number; readonly idle: number };

  /**
   * @param most how many may compute
   * @param isFixed whether always that many do
   */
  constructor(
    readonly most: number,
    private readonly isFixed: boolean,
    private readonly machine: Machine = thisMachine,
  ) {
    this.threads = most;
    this.looked = this.look();
  }

  get current(): number {
    return this.threads;
  }

  /** Runs a pass and learns from it. */
  async watch<T>(pass: () => Promise<T>): Promise<T> {
    if (this.isFixed || this.most === 1) return pass();
    this.riseIfIdle();
    const [at, used] = [this.machine.now(), this.machine.used()];
    try {
      return await pass();
    } finally {
      this.wall += this.machine.now() - at;
      this.used += this.machine.used() - used;
      if (this.wall >= windowMs) this.fallIfCrowded();
    }
  }

  /** To as many as cores were had, rounded. */
  private fallIfCrowded(): void {
    // A pass that takes as long as several windows tells as much: seconds of it, where threads wait for one another.
    const windows = Math.min(shareCount, Math.floor(this.wall / windowMs));
    const shares: number[] = Array(windows).fill(this.used / this.wall);
    this.had = [...this.had, ...shares].slice(-shareCount);
    [this.wall, this.used] = [0, 0];
    if (this.threads === 1 || this.had.length < shareCount) return;
    const had = this.had.toSorted((a, b) => a - b)[shareCount >> 1]!;
    if (had >= enough * this.threads) {
      this.interval = firstLook;
      return;
    }
    this.had = [];
    this.threads = Math.max(1, Math.min(this.threads - 1, Math.round(had)));
    this.interval = Math.min(lastLook, this.interval * 2);
    this.looked = this.look();
  }

  private riseIfIdle(): void {
    if (this.threads === this.most || this.machine.now() - this.looked.at < this.interval) return;
    const before = this.looked;
    this.looked = this.look();
    const spare = (this.looked.idle - before.idle) / (this.looked.at - before.at);
    if (spare < enough) return;
    this.threads = Math.min(this.most, this.threads + Math.max(1, Math.floor(spare)));
    [this.wall, this.used, this.had] = [0, 0, []];
  }

  private look() {
    return { at: this.machine.now(), idle: this.machine.idle() };
  }
}

/** One for each core that this process may use; two threads of one core share what they compute with. */
export function defaultThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), countCores() ?? Number.POSITIVE_INFINITY));
}

/** Cores, not their hyper-threads; undefined where the system does not say. */
function countCores(): number | undefined {
  const folder = "/sys/devices/system/cpu";
  try {
    const siblings = readdirSync(folder)
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => readFileSync(`${folder}/${name}/topology/thread_siblings_list`, "utf8"));
    return new Set(siblings).size || undefined;
  } catch {
    return undefined;
  }
}
