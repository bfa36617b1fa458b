/** What a proxied request costs: ours beside its peers and a floor, all in one run. */
import { parseArgs } from 'node:util'
import { contestants, presentOf, startContestant } from '../contestants.js'
import { assignCores } from '../cores.js'
import { namesOf, numberOf, numbersOf } from '../options.js'
import { described, table, withQuartiles } from '../report.js'
import { measureOnce, takeTurns, warmUp } from '../rounds.js'
import { inSession, machine, progress, startSurroundings, writeJson } from '../session.js'
import { quantile, ratio, spread } from '../stats.js'

/** Files of workloads/. */
const WORKLOADS = ['get100b', 'get64kb', 'post1kb', 'post1mb']
/** What every proxy is compared with. */
const REFERENCES = ['floor', '@fastify/http-proxy']

/** Many short rounds rather than a few long ones: what else the machine does comes and goes by the second. */
const FULL = { rounds: 8, seconds: 0.25, warmUp: { requests: 8_000, seconds: 10 } }
const QUICK = { rounds: 3, seconds: 0.2, warmUp: { requests: 4_000, seconds: 0.5 } }
const CONNECTIONS = [32]
const TARGETS = [2]

const HELP = `npm run bench -- [options]
  --quick          a rough answer in a short time
  --rounds n       measurements of each proxy (${FULL.rounds})
  --seconds n      length of each (${FULL.seconds})
  --only names     workloads, separated by commas: ${WORKLOADS.join(', ')}
  --proxies names  ${contestants.join(', ')}
  --connections n  clients, or several numbers of them, separated by commas (${CONNECTIONS})
  --targets n      targets, or several numbers of them, separated by commas (${TARGETS})
  --no-keep-alive  clients connect for every request
  --rate n         also how long requests take when n a second are offered to each proxy
  --one-core       the load, the targets and the proxy on one core
  --json file      also writes every round to a file, which \`npm run bench -- chart\` draws
  --profile dir    also writes a CPU profile of each proxy of Node's, which makes all of them slower`

export async function run (args) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      proxies: { type: 'string' },
      connections: { type: 'string' },
      targets: { type: 'string' },
      'no-keep-alive': { type: 'boolean' },
      rate: { type: 'string' },
      'one-core': { type: 'boolean' },
      json: { type: 'string' },
      profile: { type: 'string' }
    }
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const plan = planOf(values)
  await inSession(async () => {
    const results = await measureAll(plan)
    const record = { command: 'proxy', ...plan, ...machine(), results }
    console.log(markdown(record))
    await writeJson(values.json, record)
  })
}

function planOf (values) {
  const base = values.quick ? QUICK : FULL
  return {
    ...base,
    rounds: numberOf(values, 'rounds', base.rounds, 1, 100),
    seconds: numberOf(values, 'seconds', base.seconds, 0.1, 60, Number.isFinite),
    workloads: namesOf(values, 'only', WORKLOADS),
    proxies: presentOf(namesOf(values, 'proxies', contestants)),
    connections: numbersOf(values, 'connections', CONNECTIONS, 1, 4_096),
    targets: numbersOf(values, 'targets', TARGETS, 1, 1_000),
    keepAlive: !values['no-keep-alive'],
    rate: values.rate === undefined ? undefined : numberOf(values, 'rate', undefined, 1, 100_000),
    cores: assignCores(values['one-core']),
    profile: values.profile
  }
}

async function measureAll (plan) {
  const { load, origins } = await startSurroundings(plan.cores, Math.max(...plan.targets))
  const results = []
  for (const workload of plan.workloads) {
    for (const connections of plan.connections) {
      for (const targets of plan.targets) {
        results.push(await measure({ workload, connections, targets }, plan, load, origins.slice(0, targets)))
      }
    }
  }
  return results
}

/** All proxies in one situation. Their processes are new, so none is measured with code that another situation has warmed up. */
async function measure (situation, plan, load, origins) {
  const { keepAlive, seconds, rate } = plan
  const { title, warmUp: enough = Infinity } = await import(`../workloads/${situation.workload}.js`)
  const words = [title, `${situation.connections} connections`, `${situation.targets} targets`, ...(keepAlive ? [] : ['a connection for each request'])]
  const label = words.join(', ')
  const proxies = []
  for (const name of plan.proxies) {
    proxies.push(await startContestant(name, { origins, core: plan.cores.proxy, flags: profiling(plan, situation, name) }))
  }
  progress(`${label}: warming up`)
  const once = { workload: situation.workload, connections: situation.connections, keepAlive }
  for (const proxy of proxies) await warmUp(load, proxy, { ...once, ...plan.warmUp, requests: Math.min(plan.warmUp.requests, enough) })
  const rounds = await takeTurns(proxies, plan.rounds, (proxy, round) => {
    progress(`${label}: round ${round + 1} of ${plan.rounds}, ${proxy.name}`)
    return measureOnce(load, proxy, { ...once, seconds, rate, seed: round })
  })
  await Promise.all(proxies.map(proxy => proxy.end()))
  return { ...situation, title, proxies: proxies.map(({ name }, i) => ({ name, rounds: rounds[i] })) }
}

function profiling ({ profile }, { workload, connections, targets }, name) {
  if (profile === undefined) return []
  return ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${workload}.${connections}.${targets}.${name.replace('/', '-')}.cpuprofile`]
}

function markdown (record) {
  const { results, keepAlive, rate } = record
  return [
    `${described(record)}${keepAlive ? '' : ' A connection for each request.'}`,
    ...results.flatMap(({ title, connections, targets, proxies }) => {
      const references = REFERENCES.filter(name => proxies.some(proxy => proxy.name === name))
      return [
        '',
        `${title}, ${connections} connections, ${targets} target${targets === 1 ? '' : 's'}:`,
        '',
        table(
          ['proxy', 'CPU µs/request', 'requests/s', ...references.map(name => `CPU ÷ ${name}`), ...(rate === undefined ? [] : [`p50 ms at ${rate}/s`, 'p99 ms'])],
          proxies.map(({ name, rounds }) => [
            name,
            withQuartiles(spread(costs(rounds)), 1),
            spread(rounds.map(round => round.perSecond)).median.toFixed(0),
            ...references.map(reference => name === reference ? '1' : withQuartiles(ratio(costs(rounds), costs(proxies.find(other => other.name === reference).rounds)), 2)),
            ...(rate === undefined ? [] : latencies(rounds))
          ])
        )
      ]
    }),
    ...(rate === undefined ? [] : ['', `99 % of the offered requests went out within ${lateness(results).toFixed(1)} ms of when they were due.`])
  ].join('\n')
}

function costs (rounds) {
  return rounds.map(round => round.cpuUs)
}

/** Of each round, and of these the spread: one bad moment of the machine is to be in one of them only. */
function latencies (rounds) {
  return [0.5, 0.99].map(share => withQuartiles(spread(rounds.map(({ times }) => percentile(times, share))), 2))
}

function lateness (results) {
  return percentile(results.flatMap(({ proxies }) => proxies.flatMap(({ rounds }) => rounds.flatMap(({ late }) => late))), 0.99)
}

function percentile (values, share) {
  return quantile([...values].sort((a, b) => a - b), share)
}
