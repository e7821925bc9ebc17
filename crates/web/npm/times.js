// How long dispatches took, and what that says of kernels that were counted. Knows nothing of WebGPU.

/** Rounding that is worth a word, in nanoseconds: browsers round timestamps so that pages cannot spy by them. */
const COARSE = 1024n;

/** What makes a kernel: the same source, entry point and constants, in whichever run of the program. */
const keyOf = ({ module, entry, spec_constants: constants }) =>
  JSON.stringify([module, entry, Object.entries(constants).sort()]);

const grouped = (count) => count.toLocaleString("en");

/** Times of dispatches, by kernel and by grid. */
export class Times {
  /** How often the program's work was repeated to be timed. */
  runs = 0;
  #rows = new Map();
  #notes = new Set();
  /** Dispatches whose timestamps cannot be right. */
  #wrong = 0;
  /** Every bit that a timestamp ever had. */
  #bits = 0n;

  /** Adds a dispatch of a kernel over a grid, between two timestamps in nanoseconds. */
  add(kernel, grid, begin, end) {
    if (begin === 0n || end < begin) {
      this.#wrong += 1;
      return;
    }
    this.#bits |= begin | end;
    this.#merge({ key: keyOf(kernel), grid, dispatches: 1, seconds: Number(end - begin) * 1e-9 });
  }

  /** Remembers what a reader of the times must know. */
  note(text) {
    this.#notes.add(text);
  }

  /** Begins anew. */
  clear() {
    this.runs = 0;
    this.#rows.clear();
    this.#notes.clear();
    this.#wrong = 0;
    this.#bits = 0n;
  }

  /** How many dispatches were timed. */
  get dispatches() {
    return [...this.#rows.values()].reduce((sum, { dispatches }) => sum + dispatches, 0);
  }

  /** All of it as plain values, for another program or thread to `merge`. */
  get plain() {
    return { runs: this.runs, rows: [...this.#rows.values()], notes: this.#said() };
  }

  /** Adds times of another program or thread, whose runs were at the same time as these. */
  merge({ runs, rows, notes }) {
    this.runs = Math.max(this.runs, runs);
    rows.forEach((row) => this.#merge(row));
    notes.forEach((text) => this.note(text));
  }

  #merge({ key, grid, dispatches, seconds }) {
    const at = `${key} ${grid}`;
    const row = this.#rows.get(at) ?? { key, grid, dispatches: 0, seconds: 0 };
    row.dispatches += dispatches;
    row.seconds += seconds;
    this.#rows.set(at, row);
  }

  /**
   * Puts times into a report of the same program. A kernel that was counted over a grid n times gets n times the mean
   * of its timed dispatches over that grid; where there are none, it gets no time, and a note says so.
   */
  join(report) {
    const notes = this.#said();
    const timed = this.#rows.size > 0;
    for (const row of report.kernels) {
      const found = Object.entries(row.grids).map(([grid, dispatches]) => {
        const times = this.#rows.get(`${keyOf(row)} ${grid}`);
        return { grid, dispatches, times };
      });
      const missing = found.find(({ times }) => !times);
      const seconds = missing ? 0 : found.reduce((sum, { dispatches, times }) => sum + (dispatches * times.seconds) / times.dispatches, 0);
      row.seconds = seconds > 0 ? seconds : null;
      row.timed_dispatches = found.reduce((sum, { times }) => sum + (times?.dispatches ?? 0), 0);
      if (missing && timed) notes.push(`'${row.name}' has no time: none of the timed dispatches was over its grid ${missing.grid}`);
      else if (timed && row.seconds === null) notes.push(`'${row.name}' has no time: the clock did not advance while it ran`);
    }
    const { kernels, totals } = report;
    const whole = timed && kernels.length > 0 && kernels.every(({ seconds }) => seconds !== null);
    totals.seconds = whole ? kernels.reduce((sum, { seconds }) => sum + seconds, 0) : null;
    report.timing = { source: timed ? "timestamps" : "none", runs: this.runs, notes };
    return report;
  }

  /** All notes. */
  #said() {
    const notes = [...this.#notes];
    if (this.#wrong > 0) {
      notes.push(`${grouped(this.#wrong)} dispatches have timestamps of 0, or that end before they begin: they are not timed`);
    }
    const grain = this.#bits & -this.#bits;
    if (grain >= COARSE && this.dispatches > 1) {
      notes.push(`timestamps are rounded to multiples of ${grouped(grain)} ns: the times of short dispatches are coarse`);
    }
    return notes;
  }
}
