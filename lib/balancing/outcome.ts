/**
 * How an attempt ended.
 * - `success`: a response that is not `bad-status`, whole
 * - `bad-status`: a response whose status counts as a failure
 * - `connect-failure`: no connection: refused, DNS, TLS, connect timeout
 * - `timeout`: a headers, body or attempt deadline passed
 * - `reset`: the connection broke, before or in the response
 * - `malformed`: the response was not HTTP
 * - `client-aborted`: the client left
 * - `client-fault`: the request could not be sent as it was
 * - `abandoned`: the gateway gave it up for reasons of its own (total deadline, shutdown, a hedge that lost)
 */
export type Outcome = 'success' | 'bad-status' | 'connect-failure' | 'timeout' | 'reset' | 'malformed' |
  'client-aborted' | 'client-fault' | 'abandoned'

/** What is known when an attempt has ended. Times are milliseconds. */
export interface Settlement {
  /** How it ended. */
  outcome: Outcome
  /** Status of the response, when there was one. */
  status?: number | undefined
  /** From the start of the attempt to the headers of the response, when there was one. */
  ttfbMs?: number | undefined
  /** From the start of the attempt to its end. */
  durationMs: number
  /** When that was, where it is known. */
  endedAt?: number | undefined
  /** The failure says nothing about the target: an idle connection ended just as it was used again. */
  blameless?: boolean | undefined
  /** What went wrong, in words, where more is known than the outcome says. */
  why?: string | undefined
}

export type Verdict = 'good' | 'bad' | 'neutral'

/** What an ended attempt says about its target: whether it counts against it, for it, or not at all. */
export function verdictOf (settlement: Settlement, failureStatuses: ReadonlySet<number>): Verdict {
  if (settlement.blameless === true) return 'neutral'
  switch (settlement.outcome) {
    case 'success': return 'good'
    case 'bad-status': return failureStatuses.has(settlement.status!) ? 'bad' : 'good'
    case 'connect-failure':
    case 'timeout':
    case 'reset':
    case 'malformed': return 'bad'
    case 'client-aborted':
    case 'client-fault':
    case 'abandoned': return 'neutral'
  }
}
