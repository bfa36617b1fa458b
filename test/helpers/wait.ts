/** Waits for what a test cannot be told of by an event: asks again after each turn of the event loop, for a bounded time. */
export async function until (holds: () => boolean, what: string, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms for: ${what}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** A promise and the means to settle it. */
export function deferred<T = void> (): { promise: Promise<T>, resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(_resolve => { resolve = _resolve })
  return { promise, resolve }
}
