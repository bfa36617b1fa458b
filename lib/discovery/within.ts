import type { SourceTools } from './source.js'

/** What `run` comes to, if it does so within `ms`, and before the source is to end. Its signal says when nobody waits for it any more. */
export async function within<T> (ms: number, { clock, signal }: Pick<SourceTools, 'clock' | 'signal'>, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
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
