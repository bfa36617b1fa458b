/**
 * Keeps the process alive while a request is in flight. The timers of the engine do not (see `systemClock`), so a script that waits for
 * `app.inject()`, or for `fetch` through a dispatcher, would end while its request backs off or waits in a queue, when no socket is open.
 * Probes, discovery and sharing are background work: they never hold a process.
 */

/** How often the timer fires, which does nothing: as seldom as Node allows. */
const SELDOM = 0x7fffffff

/** One timer for all requests of the process; made with the first. */
let timer: NodeJS.Timeout | undefined
let inFlight = 0

/** A request has begun. */
export function hold (): void {
  if (inFlight++ > 0) return
  timer ??= setInterval(nothing, SELDOM)
  timer.ref()
}

/** A request has ended: call it once for each `hold()`. */
export function release (): void {
  if (--inFlight === 0) timer!.unref()
}

/* c8 ignore next -- called after 24 days at the earliest */
function nothing (): void {}
