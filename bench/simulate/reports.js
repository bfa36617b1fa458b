/** What servers tell of themselves, with each answer, for policies that ship and go by it: made by the code of the plugin that targets have for that. */
import { RecentLatencies } from './shipped.js'

const IN_FLIGHT = Buffer.from('x-prequal-in-flight')
const LATENCY = Buffer.from('x-prequal-latency')

/** By server. */
const known = new WeakMap()

/** Requests that a server has apart from the one that is answered, and how long they take it. `job`: undefined where it is asked nothing but that. */
function inFlightAndLatency (server, job, now) {
  let state = known.get(server)
  if (state === undefined) known.set(server, state = { now, latencies: new RecentLatencies(() => state.now) })
  state.now = now
  if (job !== undefined) state.latencies.add(job.found, now - job.arrivedAt)
  const inFlight = server.running + server.waiting
  return [IN_FLIGHT, Buffer.from(String(inFlight)), LATENCY, Buffer.from(state.latencies.estimate(inFlight).toFixed(2))]
}

/** By policy: `(server, job, now)` to header fields. */
export const reports = { prequal: inFlightAndLatency }
