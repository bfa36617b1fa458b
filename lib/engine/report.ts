import type { Outcome } from '../balancing/outcome.js'

/** One attempt, as `request.balancing` shows it. */
export interface AttemptReport {
  /** Id of the target. */
  target: string
  /** How it ended. */
  outcome: Outcome
  /** Status of the response, when there was one. */
  status?: number
  /** What went wrong. */
  error?: Error
  /** Milliseconds from its start to its end. */
  durationMs: number
}

/** What has been done for a request so far. */
export interface Balancing {
  /** Name of the upstream. */
  upstream: string
  /** Id of the target that has the request, or had it last; null before the first. */
  target: string | null
  /** Attempts that have ended. */
  attempts: AttemptReport[]
}
