import * as settings from '../settings.js'

/** Targets that are all the same, in `settings`' measure; `more` is what else they have. */
export function same (count, more = {}) {
  return { count, cores: settings.cores, ...more }
}

/** A description with everything that the workloads have in common. */
export function pool ({ requests, ...more }) {
  return {
    network: settings.network,
    ...settings.durations,
    ...more,
    requests: { time: settings.time, deadline: settings.deadline, ...requests }
  }
}
