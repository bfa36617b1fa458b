/** How a pool and its requests are described, by the workloads here and by users in a file: `npm run simulate -- --pool file`. Times are milliseconds. */
import { spreadNames } from './engine/distributions.js'
import { array, checked, fault, integer, isObject, number, object, oneOf, optional, string, upstreamOption } from './shipped.js'

const ms = number(0)
const share = number(0, 1)

/** How long a request takes on a core of speed 1. */
const time = object({
  mean: number(0.001),
  spread: optional(oneOf(...spreadNames), 'exponential'),
  /** Of `pareto`: the tail's exponent. */
  alpha: optional(number(1.01), 1.5),
  /** Of `bimodal`: so many are long, */
  share: optional(share, 0.1),
  /** so many times as long as the others. */
  ratio: optional(number(1), 31),
  /** Of `lognormal`. */
  sigma: optional(number(0.01, 5), 1)
})

const requests = object({
  /** Of what the targets can do at their own speed; or … */
  load: optional(number(0.001, 100)),
  /** … requests a second; or … */
  perSecond: optional(number(0.001)),
  /** … as many clients, each of which asks again once it has its answer. */
  concurrent: optional(integer(1)),
  time,
  /** After which a client leaves; 0: never. */
  deadline: optional(ms, 5_000),
  /** What hash policies go by: the r-th of `count` keys comes in proportion to 1 / r^exponent. */
  keys: optional(object({ count: integer(1), exponent: optional(number(0), 1) }))
})

/** `{ every, lasts, speed }` or `{ at, lasts, speed }`; see engine/troubles.js. */
const slowdown = object({ every: optional(ms), at: optional(ms), lasts: ms, speed: share })

/** So many of its answers are of this status, and need no work. */
const failures = object({
  share,
  after: optional(ms, 1),
  status: optional(integer(400, 599), 503),
  from: optional(ms, 0),
  until: optional(number(0), Infinity)
})

const target = object({
  /** So many of the same. */
  count: optional(integer(1, 10_000), 1),
  cores: optional(integer(1), 4),
  /** Of one core: 0.5 takes twice as long. */
  speed: optional(number(0.0001), 1),
  /** As the gateways are told. */
  weight: optional(integer(0, 256), 1),
  /** `fifo`: a core works on one request at a time, the others wait. `sharing`: all are worked on at once. */
  discipline: optional(oneOf('fifo', 'sharing'), 'fifo'),
  slowdowns: optional(array(slowdown), []),
  failures: optional(failures),
  outages: optional(object({ up: number(1), down: number(1) })),
  joinsAt: optional(ms),
  leavesAt: optional(ms)
})

const phase = object({ name: string, lasts: number(1), load: optional(number(0.001, 100)), perSecond: optional(number(0.001)) })

const fields = object({
  /** Processes that balance, each with a view of its own. */
  gateways: optional(integer(1, 1_000), 1),
  targets: array(target),
  requests,
  /** One way between gateway and targets. */
  network: optional(ms, 0.25),
  /** Before anything is counted. */
  warmUp: optional(ms, 15_000),
  measured: optional(number(1), 45_000),
  /** Instead of `measured`: parts that are counted apart, and may have loads of their own. */
  phases: optional(array(phase)),
  /** The upstream's options, as the plugin takes them, but for `targets` and `policy`. */
  upstream: optional(upstreamObject, {})
})

function upstreamObject (value, path, faults) {
  if (!isObject(value)) fault(faults, path, "an object: the upstream's options", value)
  else {
    for (const name of ['targets', 'policy']) if (name in value) faults.push(`${path}.${name}: this is set by the simulation`)
    upstreamOption(value, path, faults)
  }
  return value
}

/** Checks a description and works it out: targets one by one with ids, phases with rates. Throws a list of all faults. */
export function scenarioOf (description) {
  return checked((value, path, faults) => {
    const scenario = fields(value, path, faults)
    if (faults.length === 0) together(scenario, faults)
    return faults.length === 0 ? workedOut(scenario) : scenario
  }, description, '')
}

/** Faults that show only when fields are looked at together. */
function together ({ targets, requests, phases = [] }, faults) {
  if (targets.every(({ joinsAt }) => joinsAt !== undefined)) faults.push('targets: expected one at least that is there from the start')
  const given = ['load', 'perSecond', 'concurrent'].filter(name => requests[name] !== undefined)
  if (given.length !== 1) faults.push(`requests: expected one of load, perSecond and concurrent, got ${given.join(' and ') || 'none'}`)
  phases.forEach(({ load, perSecond }, i) => {
    if ((load ?? perSecond) !== undefined && requests.concurrent !== undefined) faults.push(`phases[${i}]: the number of clients is fixed, so there is no load to set`)
  })
  targets.forEach(({ slowdowns }, i) => slowdowns.forEach(({ every, at, lasts }, j) => {
    const here = `targets[${i}].slowdowns[${j}]`
    if ((every === undefined) === (at === undefined)) faults.push(`${here}: expected either every or at`)
    if (every !== undefined && lasts >= every) faults.push(`${here}.lasts: expected less than every (${every}), got ${lasts}`)
  }))
}

function workedOut ({ targets, requests, measured, phases = [{ name: 'all', lasts: measured }], ...others }) {
  const single = targets.flatMap(({ count, ...target }) => Array.from({ length: count }, () => target)).map((target, i) => ({ ...target, id: `t${i}` }))
  const perSecond = ({ load, perSecond }) => perSecond ?? (load === undefined ? undefined : load * capacity(single) / requests.time.mean * 1000)
  return {
    ...others,
    targets: single,
    requests,
    phases: phases.map(phase => ({ name: phase.name, lasts: phase.lasts, perSecond: perSecond(phase) ?? perSecond(requests) }))
  }
}

/** Cores of speed 1 that those are worth who are there from the start, at their own speed. */
function capacity (targets) {
  return targets.filter(({ joinsAt }) => joinsAt === undefined).reduce((sum, { cores, speed }) => sum + cores * speed, 0)
}
