/** Long work in slices: what waits for the event loop has its turn between two of them. */

/** What the work comes to. It yields at the end of each slice, which it makes as long as a few milliseconds take. */
export async function inSlices<T> (work: Generator<undefined, T>): Promise<T> {
  while (true) {
    const { done, value } = work.next()
    if (done === true) return value
    await nextTurn()
  }
}

/** The same work at once, for callers that cannot wait. */
export function atOnce<T> (work: Generator<undefined, T>): T {
  while (true) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

/** Resolved when the event loop has had its turn. */
export function nextTurn (): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
