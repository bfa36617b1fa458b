/**
 * What every figure depends on: seeds, durations, the pool that workloads have in common, the metric, and what the gates ask for. Fixed before the first
 * full run. To change something here because a result does not please is to measure something else: say so in the changelog, and run everything anew.
 */

/** None of them was used while policies or the simulator were written: for that there are 1 to 9. */
export const seeds = [11, 12, 13, 14]

/** With `--quick`: fewer seeds, and what is measured for this share of the time. */
export const quick = { seeds: [11, 12], measured: 0.25 }

/**
 * The metric: percentiles of the time from a request's arrival at a gateway to its answer, over all requests that came in the measured time. One that was
 * not answered well within `deadline` milliseconds (an error, a client that left, no answer at the end) counts as having taken that long.
 */
export const deadline = 5_000

/** Milliseconds; `warmUp` is not measured. */
export const durations = { warmUp: 10_000, measured: 30_000 }
/** Where a hundred gateways send to a hundred targets, there are ten times as many requests a second. */
export const durationsOfMany = { warmUp: 10_000, measured: 15_000 }

/** Work of a request on a core of speed 1: 20 ms on average; targets have 4 cores. */
export const time = { mean: 20, spread: 'exponential' }
export const cores = 4

/** One way between gateways and targets, in milliseconds. */
export const network = 0.25

/** As in its paper's tests, three questions for each request. */
export const prequalWithProbes = { name: 'prequal', probes: { perRequest: 3 } }

/** In the tables, in this order; bounds come last. */
export const policies = [
  'random', 'round-robin', 'power-of-two', 'least-requests', 'adaptive', 'prequal', prequalWithProbes,
  'peak-ewma', 'nginx least_time', 'c3', 'oracle queue', 'oracle delay'
]

/** What a user may ask about: a pool of one's own is simulated with these. The default comes first. */
export const advised = ['least-requests', 'adaptive', 'power-of-two', 'prequal', 'round-robin', 'random']

/** Those of ours that go by load. */
export const loadAware = ['least-requests', 'adaptive', 'power-of-two', 'prequal']

export const gates = {
  /** Distance of a simulated mean from the formula. */
  formulas: 0.03,
  /** Gray target: p99 of `adaptive` beside a pool without that target. */
  gray: 1.05,
  /** … and its p99.9 beside a gateway that knows every queue and speed. */
  grayTail: 1.1,
  /** Antagonists, 100 × 100: p99 of `adaptive` beside a gateway that knows every queue. */
  antagonists: 1.1,
  /** One target of ten fails at once, for ever: share of errors, without retries. */
  fastFailure: 0.001,
  /** Bounded load 1.25, Zipf 1.0: most in flight ÷ mean, and requests served where their key belongs. */
  bounded: { momentary: 1.3, atHome: 0.7 },
  /** After a brownout of all targets at load 0.8: requests answered, from the second second on. */
  recovered: 0.99
}
