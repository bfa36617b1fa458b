import type { Clock } from '../balancing/clock.js'

/** What it takes to wait in the background. */
export interface WaitTools {
  readonly clock: Clock
  /** Says that what was begun is not wanted any more. */
  readonly signal: AbortSignal
}

/** What `run` comes to, if it does so within `ms`, and before it is not wanted any more. Its signal says when nobody waits for it any more. */
export async function within<T> (ms: number, { clock, signal }: WaitTools, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController()
  const end = (): void => { ending.abort(signal.reason) }
  const ended = new Promise<never>((_resolve, reject) => { ending.signal.addEventListener('abort', () => { reject(ending.signal.reason) }) })
  const timer = clock.after(ms, () => { ending.abort(new Error(`no answer within ${ms} ms`)) }, undefined)
  signal.addEventListener('abort', end)
  try {
    return await Promise.race([run(ending.signal), ended])
  } finally {
    clock.cancel(timer)
    signal.removeEventListener('abort', end)
  }
}
