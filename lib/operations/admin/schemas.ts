/**
 * JSON schemas of the admin API, for whoever documents it (as @fastify/swagger does). What comes in is checked by the very checks that the plugin's
 * options have, so that one rule holds for both and every fault is named.
 */

type Schema = Readonly<Record<string, unknown>>

const text = (description: string): Schema => ({ type: 'string', description })
const flag = (description: string): Schema => ({ type: 'boolean', description })
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description })
const orNull = (schema: Schema): Schema => ({ ...schema, type: [schema.type, 'null'] })
const list = (items: Schema): Schema => ({ type: 'array', items })
const counts = (description: string): Schema => ({ type: 'object', additionalProperties: { type: 'integer' }, description })
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', required: Object.keys(properties), properties })
/** What comes in: nothing else, and nothing required but what is named. */
const input = (required: string[], properties: Record<string, Schema>): Schema => ({ type: 'object', required, additionalProperties: false, properties })

const WEIGHT: Schema = { type: 'integer', minimum: 0, maximum: 256, description: 'share of new clients relative to the other targets; 0: only clients that belong to it already' }
const TIER: Schema = { type: 'integer', minimum: 0, maximum: 100, description: 'priority level; 0 is used first' }
const TAGS: Schema = { type: 'object', additionalProperties: { type: 'string' }, description: 'names and values to choose targets by' }
const STATE: Schema = { type: 'string', enum: ['ready', 'drain', 'maintenance'], description: 'drain: only clients that belong to it; maintenance: nobody' }
const DRAIN_MS: Schema = { type: 'integer', minimum: 0, maximum: 0x7fffffff, default: 30_000, description: 'milliseconds that what is in flight has to end' }

const TIMES = object({
  count: count('how many'),
  p50: orNull({ type: 'number', description: 'milliseconds, since the start' }),
  p99: orNull({ type: 'number', description: 'milliseconds, since the start' }),
  classes: list({ type: 'integer' })
})

const PROBE: Schema = orNull(object({
  passed: flag('it was as expected'),
  reason: text('why, in words'),
  at: { type: 'number', description: 'when it ended, milliseconds since the epoch' },
  durationMs: { type: 'number' }
}))

const TARGET = object({
  id: text('its name'),
  url: text('where it is'),
  weight: WEIGHT,
  effectiveWeight: { type: 'number', description: 'the weight with slow start applied' },
  tier: TIER,
  tags: TAGS,
  state: STATE,
  health: { type: 'string', enum: ['unchecked', 'pending', 'healthy', 'unhealthy'], description: 'what probes say' },
  standing: { type: 'string', enum: ['in', 'out', 'trial'], description: 'what traffic says; out: ejected' },
  ejectedUntil: orNull({ type: 'number', description: 'milliseconds since the epoch' }),
  ejectionReason: orNull(text('in words')),
  ejections: count('times it was ejected'),
  available: flag('it may be picked for new clients'),
  inFlight: count('attempts begun and not ended'),
  maxRequests: orNull(count('in flight at most; null: no limit')),
  streams: count('of those in flight, event streams and upgraded connections'),
  connections: count('open connections'),
  requests: count('attempts since it was added'),
  failures: count('of these, the ones that counted against it'),
  outcomes: counts('attempts that have ended, by how'),
  lastFailure: orNull(text('why the last attempt that counted against it did, in words')),
  firstByte: { ...TIMES, description: 'from the start of an attempt to the headers of its response' },
  lastProbe: { ...PROBE, description: 'null before the first one, and without probes' }
})

const UPSTREAM = object({
  name: text('its name'),
  policy: text('how a target is picked'),
  panic: flag('health is being ignored, because too few targets are eligible'),
  queued: count('requests that wait for a slot'),
  queuedTotal: count('requests that had to wait for a slot'),
  results: counts('requests that have ended, by the class of their status'),
  retries: count('attempts after the first'),
  retriesRefused: count('retries that the budget has refused'),
  hedges: count('second attempts beside one that was slow'),
  affinity: object({ hit: count('served by their own target'), miss: count('had none'), moved: count('had to go to another') }),
  duration: { ...TIMES, description: 'from the coming of a request to the end of its response' },
  discovery: { type: ['object', 'null'], additionalProperties: true, description: 'how the search for targets goes; null where all are in the options' },
  targets: list(TARGET)
})

const ERROR = {
  ...object({ statusCode: { type: 'integer' }, error: text('the status in words'), message: text('what is wrong') }),
  properties: {
    statusCode: { type: 'integer' },
    code: text('stable, for programs'),
    error: text('the status in words'),
    message: text('what is wrong'),
    faults: { ...list({ type: 'string' }), description: 'every single thing that is wrong with what was sent' }
  }
}

const NEW_TARGET = input(['url'], {
  url: text('http://host:port, https://host:port or unix:/path/to/socket, with a base path if need be'),
  id: text('its name, unique in the upstream; the origin of the url by default'),
  address: text('IP address to connect to instead of the host of the url'),
  weight: WEIGHT,
  tier: TIER,
  tags: TAGS,
  limits: input([], { maxRequests: { type: 'integer', minimum: 1 } }),
  tls: { type: 'object', additionalProperties: true, description: 'ca, cert and key as PEM, servername, rejectUnauthorized' }
})

const PATCH = input([], { weight: WEIGHT, state: STATE, tier: TIER, tags: TAGS, drainMs: DRAIN_MS })

const upstream = input(['upstream'], { upstream: text('name of the upstream') })
const drain = input([], { drainMs: DRAIN_MS })
const target = input(['id'], { id: text('id of the target') })
const removal = input(['id'], { id: text('id of the target'), drainMs: DRAIN_MS })
const removed = object({ removed: text('its name or id'), inFlight: count('requests that have until the end of drainMs'), drainMs: DRAIN_MS })

function route (summary: string, status: number, answer: Schema, parts: Record<string, Schema> = {}): { schema: Schema } {
  return { schema: { summary, tags: ['load balancer'], ...parts, response: { [status]: answer, '4xx': ERROR } } }
}

export const schemas = {
  access: route('What you may do, and which process this is', 200, object({
    name: orNull(text('who you are, as the log has it')),
    write: flag('you may change things'),
    process: object({ pid: { type: 'integer' }, host: text('name of the machine') })
  })),
  list: route('All upstreams with their targets', 200, object({ timeBounds: { ...list({ type: 'number' }), description: 'upper bounds of the classes of times, in milliseconds' }, upstreams: list(UPSTREAM) })),
  show: route('An upstream with its targets', 200, UPSTREAM, { params: upstream }),
  add: route('Add an upstream', 201, UPSTREAM, {
    body: { type: 'object', required: ['name'], additionalProperties: true, properties: { name: text('its name') }, description: 'and the options of an upstream, as far as JSON has them' }
  }),
  remove: route('Take an upstream out', 202, removed, { params: upstream, querystring: drain }),
  addTarget: route('Add a target', 201, TARGET, { params: upstream, body: NEW_TARGET }),
  replace: route('Make the targets these, in this order', 200, UPSTREAM, { params: upstream, body: list({ anyOf: [{ type: 'string' }, NEW_TARGET] }) }),
  showTarget: route('A target', 200, TARGET, { params: upstream, querystring: target }),
  update: route('Change a target; its health, counters and connections stay', 200, TARGET, { params: upstream, querystring: target, body: PATCH }),
  removeTarget: route('Take a target out; what is in flight may end', 202, removed, { params: upstream, querystring: removal }),
  events: route('Server-sent events: snapshot, changes each second, and target:ejected and the like as they happen', 200, { type: 'string', description: 'text/event-stream' })
}
