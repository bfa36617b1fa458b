/** What can be switched on, each alone over a bare upstream. */
import { tracingChannel } from 'node:diagnostics_channel'
import prometheus from 'prom-client'

/** Nothing on: what is left is Fastify, reply-from and the engine. */
export const bare = {
  retry: false,
  health: { active: false, passive: false },
  headers: { forwarded: false, via: false, requestId: false, location: false },
  timeouts: { connect: 0, headers: 0, body: 0 }
}

const headers = changed => ({ upstream: { headers: { ...bare.headers, ...changed } } })
const cookie = changed => ({ upstream: { affinity: { cookie: { secret: 'known to everybody who reads this', ...changed } } } })

/** Milliseconds: far more often than anybody wants, so that every round has some. */
const OFTEN = 50

/** `upstream` and `plugin`: options; `listening`: called with the Fastify instance when it listens. */
export const features = {
  bare: {},
  'affinity cookie': cookie({}),
  'affinity cookie with maxIdle': cookie({ maxIdle: 600_000 }),
  'passive health': { upstream: { health: { active: false, passive: {} } } },
  'retries and their budget': { upstream: { retry: {} } },
  'X-Forwarded-*': headers({ forwarded: 'x' }),
  Forwarded: headers({ forwarded: 'rfc7239' }),
  Via: headers({ via: true }),
  'X-Request-Id': headers({ requestId: true }),
  'Location mapped back': headers({ location: true }),
  'header hooks, both ways': headers({ request: (_request, headers) => headers, response: (_request, headers) => headers }),
  deadlines: { upstream: { timeouts: {} } },
  'deadlines, attempt and total as well': { upstream: { timeouts: { attempt: 30_000, total: 60_000 } } },
  'limits and queue': { upstream: { limits: { maxRequests: 1_000, queue: { size: 1_000 } } } },
  [`probes, ${1000 / OFTEN} a second a target`]: { upstream: { health: { passive: false, active: { path: '/get100b', interval: OFTEN } } } },
  [`metrics, scraped ${1000 / OFTEN} times a second`]: {
    plugin: { metrics: { client: prometheus } },
    listening: () => { setInterval(() => { void prometheus.register.metrics() }, OFTEN) }
  },
  'a listener on the attempt channel': {
    listening: () => { tracingChannel('fastify-load-balancer:attempt').subscribe({ start () {}, end () {}, asyncStart () {}, asyncEnd () {}, error () {} }) }
  },
  'as it comes': { upstream: Object.fromEntries(Object.keys(bare).map(option => [option, undefined])) },
  'all that is on in `npm run bench`': {
    upstream: { ...Object.fromEntries(Object.keys(bare).map(option => [option, undefined])), ...cookie({}).upstream },
    plugin: { metrics: { client: prometheus } }
  },
  // How far two of the same are apart.
  'bare, once more': {}
}
