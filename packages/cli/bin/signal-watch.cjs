/**
 * A thread that hears SIGINT and SIGTERM also while the command computes and hears nothing. It passes them on; where the
 * command has not taken notice in time, or is told a second time, it lets the signal do what it does by default.
 *
 * Node gives signals to the main thread alone. The class underneath works in every thread; where a Node does not hand it
 * out, the command's own handlers stay.
 */
const { writeSync } = require("node:fs");
const { parentPort, workerData } = require("node:worker_threads");

/** Counts what the command has taken notice of; milliseconds that it may need for that; where the cursor is hidden, or 0. */
const [noticed, patience, hidden] = [0, 1, 2];
const shared = new Int32Array(workerData.shared);
/** A second signal ends the command; it has so long to do that itself, and give back what it holds. */
const millisecondsToEnd = 300;

let told = 0;
const handles = [];

try {
  const { Signal } = signalWrap();
  for (const number of workerData.numbers) {
    const handle = new Signal();
    handle.onsignal = tell;
    if (handle.start(number) !== 0) throw new Error("not to be heard here");
    handle.unref();
    handles.push(handle);
  }
  // A thread without anything to wait for would end.
  setInterval(() => {}, 2 ** 30);
  parentPort.postMessage("ready");
} catch {
  for (const handle of handles) handle.close();
}

/** Up to Node 22 every program may ask for it; since 24 only a thread that was started with --expose-internals. */
function signalWrap() {
  process.emitWarning = () => {};
  return workerData.internals
    ? require("internal/test/binding").internalBinding("signal_wrap")
    : process.binding("signal_wrap");
}

function tell(number) {
  const mine = ++told;
  parentPort.postMessage(number);
  const time = mine === 1 ? Atomics.load(shared, patience) : millisecondsToEnd;
  setTimeout(() => {
    if (mine > 1 || Atomics.load(shared, noticed) < mine) endBy(number);
  }, time);
}

/** With no handler left, the signal ends the process; whoever waits for it sees by what. */
function endBy(number) {
  for (const handle of handles) handle.close();
  showCursor();
  setImmediate(() => process.kill(process.pid, number));
}

/** The command's own listeners hear nothing of such an end. */
function showCursor() {
  const fd = Atomics.load(shared, hidden);
  if (fd === 0) return;
  try {
    writeSync(fd, "\x1b[?25h");
  } catch {
    // A terminal that is gone, or takes nothing.
  }
}
