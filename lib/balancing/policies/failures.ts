/**
 * What counts against a target when policies compare: more than what ejects it. A quick error is no reason to send more, and a busy one is a reason
 * to send less.
 */
import type { Settlement } from '../outcome.js'

export function isFailure (status: number): boolean {
  return status >= 500 || status === 429
}

export function hasFailed ({ outcome, status, blameless }: Settlement): boolean {
  switch (outcome) {
    case 'success': return status !== undefined && isFailure(status)
    case 'reset': return blameless !== true
    case 'bad-status':
    case 'connect-failure':
    case 'timeout':
    case 'malformed': return true
    default: return false
  }
}
