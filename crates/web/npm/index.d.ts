/** Counts of operations by `SCALAR.OP`, or of memory by `SPACE.KIND`. */
export type Counts = Record<string, bigint>;

/** What one line of a kernel's source was counted for. */
export interface Line {
  line: number;
  executions: bigint;
  ops: Counts;
  flops: bigint;
  traffic: Counts;
}

/** What a kernel was counted for. */
export interface Counted {
  ops: Counts;
  /** FLOPs of the convention `ieee`: fma = 2, add mul div rem sqrt rsqrt exp log pow trig tanh = 1. */
  flops: bigint;
  traffic: Counts;
  lines: Line[];
}

/** One pipeline of the program. */
export interface Kernel extends Counted {
  id: number;
  name: string;
  entry: string;
  /** A name for the source that is the same on every machine. */
  module: string;
  spec_constants: Record<string, number>;
  dispatches: number;
  /** How often it was dispatched over which grid: "X,Y,Z" in workgroups, or "indirect". */
  grids: Record<string, number>;
  /** How many dispatches over these grids were timed. */
  timed_dispatches: number;
  /** Invocations launched; `null` where a dispatch was indirect. */
  invocations: bigint | null;
  /** Bytes of its counters. */
  counters: number;
  dead_ops: Counts;
  /**
   * Time of all its dispatches: for each grid, how often it was counted times the mean of its timed dispatches. `null`
   * where it has none.
   */
  seconds: number | null;
  source: string;
}

/** What a program executed: "flopmeter.run/1". `JSON.stringify` writes it with numbers where they are exact. */
export interface Report {
  schema: "flopmeter.run/1";
  tool: { name: string; version: string };
  command: string[];
  date: string;
  exit_code: null;
  devices: { name: string; driver: string; api: string }[];
  definition: string;
  convention: "ieee";
  totals: {
    ops: Counts;
    dead_ops: Counts;
    flops: bigint;
    traffic: Counts;
    dispatches: number;
    seconds: number | null;
  };
  kernels: Kernel[];
  not_counted: { kernel?: string; what?: string; why: string; dispatches: number }[];
  /** `runs`: how often the work was repeated to be timed; `notes`: what a reader of the times must know. */
  timing: { source: "timestamps" | "none"; runs: number; notes: string[] };
  unfinished_submissions: number;
  toJSON(): unknown;
}

export interface Meter {
  /** What was counted since `reset`, or since attaching. */
  report(): Promise<Report>;
  /**
   * Times the program: `work` makes it do its work again and ends when it is submitted. The program's own pipelines run,
   * each dispatch between timestamps; nothing is counted. Resolves to what `work` resolves to.
   */
  time<T>(work: () => T | Promise<T>): Promise<T>;
  /** Begins what `time` does, for work that cannot be called. */
  beginTiming(): void;
  /** Ends it; resolves when all that was submitted is timed. */
  endTiming(): Promise<void>;
  /** Begins to count and to time anew. */
  reset(): void;
  /** Leaves the program as it was. Pipelines that count are to be made anew: nobody binds their counters any more. */
  detach(): void;
}

/**
 * Makes every compute pipeline that the program creates from now on count what it executes. Call it before the
 * program asks for its device.
 */
export function attach(options?: { wasm?: BufferSource | string | URL }): Promise<Meter>;

/** A kernel that counts, for whoever dispatches it themselves. */
export interface Instrumented {
  wgsl: string;
  group: number;
  binding: number;
  /** Bytes of the counter buffer, zeroed before the first dispatch. */
  bytes: number;
  workgroup_size: [number, number, number];
  resources: { group: number; binding: number; name: string; kind: string }[];
  /** `launched`: how many invocations were dispatched since the buffer was zeroed; fewer counted is an error. */
  decode(bytes: Uint8Array, launched?: bigint): Counted;
}

/** Runs a compute kernel once on the embedded executor, without a GPU. */
export function run(
  wgsl: string,
  options: {
    entry?: string;
    overrides?: Record<string, number>;
    /** Workgroups. */
    dispatch: number | number[];
    /** What buffers hold, by "GROUP.BINDING": "zeros:COUNT", "iota:COUNT", "random:COUNT[:SEED]", "values:1,2,3". */
    bind?: Record<string, string>;
  },
): Promise<
  Counted & {
    entry: string;
    /** Whether the executor's own tally has the same operations and bytes as the counters. */
    tally_agrees: boolean;
    /** Which lines access what no buffer has: loads of it read 0, and stores store nothing. */
    out_of_bounds: { line: number | null; accesses: number; what: string }[];
    fills: Record<string, Uint8Array>;
    buffers: Record<string, Uint8Array>;
  }
>;

export function instrument(
  wgsl: string,
  options?: {
    entry?: string;
    overrides?: Record<string, number>;
    limits?: {
      maxStorageBuffersPerShaderStage?: number;
      maxComputeWorkgroupStorageSize?: number;
      maxBindGroups?: number;
    };
  },
): Promise<Instrumented>;
