/** The server's events, for as long as the page is open, whatever happens in between. */

/** Milliseconds until a stream that was refused is asked for again. */
const PAUSE_MS = 5_000

const TARGET_EVENTS = ['added', 'removed', 'changed', 'healthy', 'unhealthy', 'ejected', 'restored'].map(event => `target:${event}`)

/**
 * @param {{
 *   snapshot: (snapshot: import('./model.js').Snapshot) => void,
 *   changes: (changes: import('./model.js').Changes) => void,
 *   event: (event: import('./model.js').PastEvent) => void,
 *   lost: () => void
 * }} listener
 */
export function listen (listener) {
  const source = new EventSource('events')
  /** @param {Event} message */
  const dataOf = message => JSON.parse(/** @type {MessageEvent<string>} */ (message).data)
  source.addEventListener('snapshot', message => { listener.snapshot(dataOf(message)) })
  source.addEventListener('changes', message => { listener.changes(dataOf(message)) })
  for (const type of TARGET_EVENTS) source.addEventListener(type, message => { listener.event(dataOf(message)) })
  source.addEventListener('error', () => {
    listener.lost()
    // A connection that breaks is made again by the browser; an answer that is no stream is final to it, but the server may be starting, or have too
    // many listeners.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { listen(listener) }, PAUSE_MS)
  })
}
