/** The reckoning: what the clients were told, against what the targets received. */
import type { Result } from './clients.js'
import type { Entry } from './ledger.js'

export interface Count {
  requests: number
  /** Answered 2xx, with the right body. */
  served: number
  /** By status; 0 for a connection that broke. */
  failed: Record<number, number>
  errors: number
  /** Nobody was told anything, or a client was told yes and no target has the request whole. */
  lost: number
  /** Requests that are not idempotent and came to a target more than once, be it in part. */
  doubled: number
  /** Answered 2xx with less than the body. */
  wrong: number
  /** Answered 2xx with something that is not of this request's body. */
  foreign: number
  /** Idempotent requests that came to more than one target. */
  again: number
  /** Requests that came to targets, as often as they did. */
  received: number
}

export function count (results: Result[], ledger: Map<string, Entry>): Count {
  const counted: Count = { requests: results.length, served: 0, failed: {}, errors: 0, lost: 0, doubled: 0, wrong: 0, foreign: 0, again: 0, received: 0 }
  for (const { shot, status, right, foreign, silent, digest } of results) {
    const entry = ledger.get(shot.id)
    const begun = entry?.begun ?? 0
    counted.received += begun
    if (begun > 1) {
      if (shot.method === 'POST') counted.doubled++
      else counted.again++
    }
    if (status >= 200 && status < 300) {
      if (right) counted.served++
      else if (foreign) counted.foreign++
      else counted.wrong++
      if (entry?.whole.some(({ bytes, digest: had }) => bytes === shot.length && had === digest) !== true) counted.lost++
    } else {
      counted.errors++
      counted.failed[status] = (counted.failed[status] ?? 0) + 1
      if (silent) counted.lost++
    }
  }
  return counted
}
