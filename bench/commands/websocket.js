/** What a message of a WebSocket costs on its way there and back: ours beside a peer and a floor, all in one run. */
import { parseArgs } from 'node:util'
import { startProxy } from '../contestants.js'
import { assignCores } from '../cores.js'
import { namesOf, numberOf } from '../options.js'
import { described, table, withQuartiles } from '../report.js'
import { measureOnce, takeTurns } from '../rounds.js'
import { inSession, machine, progress, startSurroundings, writeJson } from '../session.js'
import { ratio, spread } from '../stats.js'
import { sizes } from '../websocket/messages.js'

/** By the name in the table: the file in proxies/, and its options. */
const PROXIES = {
  ours: { file: 'ours' },
  '@fastify/http-proxy': { file: 'fastify-http-proxy', websocket: true },
  'raw pipe': { file: 'raw-pipe' }
}
const REFERENCES = ['@fastify/http-proxy', 'raw pipe']

const FULL = { rounds: 12, seconds: 0.3, warmUp: 2 }
const QUICK = { rounds: 4, seconds: 0.2, warmUp: 0.5 }
const CONNECTIONS = 40
const TARGETS = 2

const HELP = `npm run bench -- websocket [options]
  --quick          a rough answer in a short time
  --rounds n       measurements of each proxy (${FULL.rounds})
  --seconds n      length of each (${FULL.seconds})
  --only names     lengths of messages, separated by commas: ${Object.keys(sizes).join(', ')}
  --connections n  clients (${CONNECTIONS})
  --one-core       the load, the targets and the proxy on one core
  --json file      also writes every round to a file
  --profile dir    also writes a CPU profile of each proxy, which makes all of them slower`

export async function run (args) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      connections: { type: 'string' },
      'one-core': { type: 'boolean' },
      json: { type: 'string' },
      profile: { type: 'string' }
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
    seconds: numberOf(values, 'seconds', base.seconds, 0.1, 60, Number.isFinite),
    workloads: namesOf(values, 'only', Object.keys(sizes)),
    connections: numberOf(values, 'connections', CONNECTIONS, 1, 1_024),
    cores: assignCores(values['one-core']),
    profile: values.profile
  }
  await inSession(async () => {
    const { load, origins } = await startSurroundings(plan.cores, TARGETS, { load: 'websocket/load.js', targets: 'websocket/targets.js' })
    const results = []
    for (const workload of plan.workloads) results.push(await measure(workload, plan, load, origins))
    const record = { command: 'websocket', ...plan, ...machine(), results }
    console.log(markdown(record))
    await writeJson(values.json, record)
  })
}

/** All proxies with messages of one length. Their processes are new, so none is measured with code that other lengths have warmed up. */
async function measure (workload, { rounds: times, seconds, warmUp, connections, cores, profile }, load, origins) {
  const proxies = []
  for (const [name, { file, ...options }] of Object.entries(PROXIES)) {
    const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=websocket.${workload}.${file}.cpuprofile`]
    proxies.push({ name, ...await startProxy(file, { origins, core: cores.proxy, flags, ...options }) })
  }
  progress(`${workload}: warming up`)
  for (const proxy of proxies) await measureOnce(load, proxy, { workload, connections, seconds: warmUp })
  const rounds = await takeTurns(proxies, times, (proxy, round) => {
    progress(`${workload}: round ${round + 1} of ${times}, ${proxy.name}`)
    return measureOnce(load, proxy, { workload, connections, seconds })
  })
  await Promise.all(proxies.map(proxy => proxy.end()))
  return { workload, proxies: proxies.map(({ name }, i) => ({ name, rounds: rounds[i] })) }
}

function markdown (record) {
  const { results, connections } = record
  return [
    `${described(record)} ${connections} clients, each of which sends its next message when the last one has come back.`,
    ...results.flatMap(({ workload, proxies }) => [
      '',
      `${sizes[workload]} bytes:`,
      '',
      table(
        ['proxy', 'CPU µs/message', 'messages/s', ...REFERENCES.map(name => `CPU ÷ ${name}`)],
        proxies.map(({ name, rounds }) => [
          name,
          withQuartiles(spread(costs(rounds)), 1),
          spread(rounds.map(round => round.perSecond)).median.toFixed(0),
          ...REFERENCES.map(reference => name === reference ? '1' : withQuartiles(ratio(costs(rounds), costs(proxies.find(other => other.name === reference).rounds)), 2))
        ])
      )
    ])
  ].join('\n')
}

function costs (rounds) {
  return rounds.map(round => round.cpuUs)
}
