/** What the log says of attempts that failed: one line for each request, however many attempts it had. */
import type { FastifyBaseLogger } from 'fastify'
import type { AttemptReport, Balancing } from '../engine/report.js'

/** The request was served, or broke off while it was, after attempts that failed. */
export function logFailedAttempts (log: FastifyBaseLogger, { upstream, attempts }: Balancing): void {
  if (attempts.length === 1 && !hasFailed(attempts[0]!)) return
  const last = attempts.findLast(hasFailed)
  if (last === undefined) return
  const { target, outcome, status, error, durationMs } = last
  const others = attempts.length > 1 && { attempts: attempts.map(inShort) }
  log.warn({ upstream, target, outcome, attempt: attempts.indexOf(last) + 1, status, durationMs, err: error, ...others }, 'an attempt has failed')
}

/** The request was answered with an error of the gateway's own. */
export function logRefusal (log: FastifyBaseLogger, upstream: string, error: Error, attempts: readonly AttemptReport[] | undefined): void {
  log.warn({ upstream, code: (error as NodeJS.ErrnoException).code, attempts: attempts?.map(inShort), err: error }, 'the request could not be served')
}

function inShort ({ target, outcome, status, error }: AttemptReport): object {
  return { target, outcome, status, error: error?.message }
}

/** A client that left, and an attempt that was not needed any more, are no failures. */
function hasFailed ({ outcome }: AttemptReport): boolean {
  return outcome !== 'success' && outcome !== 'client-aborted' && outcome !== 'abandoned'
}
