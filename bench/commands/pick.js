/** What a pick costs, by policy and number of targets, beside what it costs to proxy a request at all. */
import { parseArgs } from 'node:util'
import { Child } from '../child.js'
import { startContestant } from '../contestants.js'
import { assignCores } from '../cores.js'
import { namesOf, numberOf, numbersOf } from '../options.js'
import { table } from '../report.js'
import { measureOnce, warmUp } from '../rounds.js'
import { inSession, machine, progress, startSurroundings, writeJson } from '../session.js'
import { spread } from '../stats.js'

/** `excepted`: looks at every target, which is what it is. */
const CONTESTANTS = {
  'least-requests': { policy: 'least-requests' },
  adaptive: { policy: 'adaptive' },
  'round-robin': { policy: 'round-robin' },
  'round-robin weighted': { policy: 'round-robin', weighted: true },
  random: { policy: 'random' },
  'random weighted': { policy: 'random', weighted: true },
  'power-of-two': { policy: 'power-of-two' },
  prequal: { policy: 'prequal' },
  'hash rendezvous': { policy: { name: 'hash', method: 'rendezvous' }, excepted: true },
  'hash rendezvous weighted': { policy: { name: 'hash', method: 'rendezvous' }, weighted: true, excepted: true },
  'hash ketama': { policy: { name: 'hash', method: 'ketama' } },
  'hash maglev': { policy: { name: 'hash', method: 'maglev' } },
  'hash maglev 1.25': { policy: { name: 'hash', method: 'maglev', maxLoadFactor: 1.25 } }
}
const TARGETS = [3, 10, 64, 128, 1_000, 10_000]
const FULL = { rounds: 9, ms: 60 }
const QUICK = { rounds: 3, ms: 30 }

/** Shares of a proxied request that a pick may cost, up to so many targets. */
const BOUNDS = [{ targets: 128, share: 0.01 }, { targets: Infinity, share: 0.02 }]

const REQUEST = { workload: 'get100b', connections: 32, keepAlive: true }

const HELP = `npm run bench -- pick [options]
  --quick          a rough answer in a short time
  --rounds n       measurements of each (${FULL.rounds})
  --only names     policies, separated by commas: ${Object.keys(CONTESTANTS).join(', ')}
  --targets list   numbers of targets (${TARGETS})
  --request-us n   what a proxied request costs, in microseconds, instead of measuring the floor
  --json file      also writes every round to a file`

export async function run (args) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      targets: { type: 'string' },
      'request-us': { type: 'string' },
      json: { type: 'string' }
    }
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const base = values.quick ? QUICK : FULL
  const plan = {
    ...base,
    rounds: numberOf(values, 'rounds', base.rounds, 1, 100),
    names: namesOf(values, 'only', Object.keys(CONTESTANTS)),
    targets: numbersOf(values, 'targets', TARGETS, 2, 100_000),
    cores: assignCores()
  }
  await inSession(async () => {
    const requestUs = values['request-us'] === undefined ? await floor(plan) : numberOf(values, 'request-us', undefined, 0.1, 1e6, Number.isFinite)
    const results = []
    for (const name of plan.names) results.push(await measure(name, plan, requestUs))
    const record = { command: 'pick', ...plan, ...machine(), requestUs, results }
    console.log(markdown(record))
    await writeJson(values.json, record)
  })
}

/** CPU of the barest proxy there can be for one request, in microseconds. */
async function floor ({ cores }) {
  progress('the floor')
  const { load, targets, origins } = await startSurroundings(cores, 2)
  const proxy = await startContestant('floor', { origins, core: cores.proxy })
  await warmUp(load, proxy, { ...REQUEST, requests: 8_000, seconds: 10 })
  const costs = []
  for (let round = 0; round < 5; round++) costs.push((await measureOnce(load, proxy, { ...REQUEST, seconds: 0.3, seed: round })).cpuUs)
  await Promise.all([proxy.end(), load.end(), targets.end()])
  return spread(costs).median
}

/** One policy, in a process of its own, at all sizes. */
async function measure (name, { targets, rounds, ms, cores }, requestUs) {
  const { policy, weighted = false, excepted = false } = CONTESTANTS[name]
  const child = new Child('pick.js', [], { core: cores.proxy })
  const sizes = []
  for (const count of targets) {
    progress(`${name}: ${count} targets`)
    const { costs } = await child.call('measure', { policy, weighted, targets: count, rounds, ms, requestUs })
    sizes.push({ targets: count, costs })
  }
  await child.end()
  return { name, excepted, sizes }
}

function markdown ({ results, requestUs, targets, rounds, node, cpu, cpus }) {
  const within = results.every(({ sizes, excepted }) => excepted || sizes.every(size => isWithin(size, requestUs)))
  return [
    `Nanoseconds for a pick and for what the policy makes of the answer, and their share of a proxied request (${requestUs.toFixed(1)} µs of CPU). ` +
      `Medians of ${rounds} rounds, node ${node}, ${cpus} × ${cpu}.`,
    '',
    table(['policy', ...targets.map(count => `${count.toLocaleString('en')} targets`)], results.map(({ name, sizes, excepted }) => [
      name,
      ...sizes.map(size => {
        const { median } = spread(size.costs)
        return `${median.toFixed(0)} (${(median / requestUs / 10).toFixed(2)} %)${excepted || isWithin(size, requestUs) ? '' : ' !'}`
      })
    ])),
    '',
    `${within ? 'All are' : 'Those marked with ! are not'} within 1 % up to 128 targets and 2 % above; rendezvous looks at every target, and is excepted.`
  ].join('\n')
}

function isWithin ({ targets, costs }, requestUs) {
  return spread(costs).median <= requestUs * 1000 * BOUNDS.find(bound => targets <= bound.targets).share
}
