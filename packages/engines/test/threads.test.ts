/** How many threads compute, on machines that are made up: cores, and what others do with them. */
import { expect, test } from "vitest";
import { type Machine, ThreadCount } from "../src/llama-cpp/threads.js";

/** A machine where `busy` other threads never rest, and cores are shared out fairly. */
class MadeUpMachine implements Machine {
  busy = 0;
  private clock = 0;
  private mine = 0;
  private rest = 0;

  constructor(private readonly cores: number) {}

  readonly now = () => this.clock;
  readonly used = () => this.mine;
  readonly idle = () => this.rest;

  /** A pass of so many milliseconds, by so many threads. */
  pass(ms: number, threads: number): void {
    const share = Math.min(1, this.cores / (threads + this.busy));
    this.clock += ms;
    this.mine += ms * threads * share;
    this.rest += ms * Math.max(0, this.cores - threads - this.busy);
  }
}

async function work(count: ThreadCount, machine: MachineOf, passes: number): Promise<void> {
  for (let pass = 0; pass < passes; pass++) await count.watch(async () => machine.pass(20, count.current));
}
type MachineOf = MadeUpMachine;

test.each([2, 4, 16])(
  "on %i cores that nobody else uses all of them compute, and go on to",
  async (cores) => {
    const machine = new MadeUpMachine(cores);
    const count = new ThreadCount(cores, false, machine);
    await work(count, machine, 500);
    expect(count.current).toBe(cores);
  },
);

test("on two cores with two busy threads beside it one is left, and both come back when the others are gone", async () => {
  const machine = new MadeUpMachine(2);
  const count = new ThreadCount(2, false, machine);
  await work(count, machine, 3);
  machine.busy = 2;
  await work(count, machine, 16);
  expect(count.current).toBe(1);
  await work(count, machine, 1000);
  expect(count.current).toBe(1);
  machine.busy = 0;
  await work(count, machine, 1000);
  expect(count.current).toBe(2);
});

test("one pass that takes as long as it takes to tell a busy machine is enough", async () => {
  const machine = new MadeUpMachine(2);
  machine.busy = 6;
  const count = new ThreadCount(2, false, machine);
  await count.watch(async () => machine.pass(2000, count.current));
  expect(count.current).toBe(1);
});

test("a burst that is over before it can be told from a busy machine changes nothing", async () => {
  const machine = new MadeUpMachine(2);
  const count = new ThreadCount(2, false, machine);
  for (let burst = 0; burst < 20; burst++) {
    machine.busy = 4;
    await work(count, machine, 3);
    machine.busy = 0;
    await work(count, machine, 12);
    expect(count.current).toBe(2);
  }
});

test("on eight cores of which others keep four, as many compute as are had", async () => {
  const machine = new MadeUpMachine(8);
  const count = new ThreadCount(8, false, machine);
  machine.busy = 4;
  await work(count, machine, 50);
  expect(count.current).toBeGreaterThanOrEqual(4);
  expect(count.current).toBeLessThan(8);
});

test("a count that was asked for stays, and so does one", async () => {
  const machine = new MadeUpMachine(2);
  machine.busy = 8;
  const fixed = new ThreadCount(2, true, machine);
  const single = new ThreadCount(1, false, machine);
  await work(fixed, machine, 50);
  await work(single, machine, 50);
  expect([fixed.current, single.current]).toEqual([2, 1]);
});

test("a pass that fails is its caller's error, and counts", async () => {
  const machine = new MadeUpMachine(2);
  machine.busy = 6;
  const count = new ThreadCount(2, false, machine);
  for (let pass = 0; pass < 16; pass++) {
    const failing = count.watch(async () => {
      machine.pass(20, count.current);
      throw new RangeError("of the pass");
    });
    await expect(failing).rejects.toThrow("of the pass");
  }
  expect(count.current).toBe(1);
});
