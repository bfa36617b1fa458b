import type { Clock } from '../balancing/clock.js'

/** Read once: asking for it costs more than asking for the time. */
const { timeOrigin } = performance

/** Monotonic, and close to the time of day: milliseconds since the epoch, as read when the process started. */
export const systemClock: Clock = {
  now: () => timeOrigin + performance.now(),
  after: (ms, run, arg) => setTimeout(run, ms, arg).unref(),
  cancel: timer => clearTimeout(timer as NodeJS.Timeout)
}
