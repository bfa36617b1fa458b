import { Times } from '../balancing/counters.js'

/** What has become of a request: the class of the status that its client got, `1xx` for an upgrade, or `aborted` when it left. */
export type Result = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'aborted'

/** Counts of an upstream's requests. */
export class UpstreamCounters {
  /** Requests that have ended. */
  readonly results: Record<Result, number> = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, aborted: 0 }
  /** From a request's coming to the end of its response. */
  readonly duration = new Times()
  /** Attempts after the first, but for hedges. */
  retries = 0
  /** Second attempts beside one that was slow. */
  hedges = 0
  /** Requests that had to wait for a slot. */
  queued = 0
  /** Clients that were served by the target they belong to, that belonged to none, and that had to go to another. */
  readonly affinity = { hit: 0, miss: 0, moved: 0 }

  ended (status: number, durationMs: number): void {
    this.results[status === 499 ? 'aborted' : CLASSES[Math.floor(status / 100)] ?? '5xx']++
    this.duration.add(durationMs)
  }
}

const CLASSES: readonly Result[] = ['5xx', '1xx', '2xx', '3xx', '4xx', '5xx']
