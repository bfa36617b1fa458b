/** What a request costs with more targets, more connections, and more workers. */
import { parseArgs } from 'node:util'
import { Child } from '../child.js'
import { startProxy } from '../contestants.js'
import { assignCores } from '../cores.js'
import { cpuOf } from '../cpu.js'
import { namesOf, numberOf } from '../options.js'
import { described, table, withQuartiles } from '../report.js'
import { measureOnce, takeTurns, warmUp } from '../rounds.js'
import { inSession, machine, progress, startSurroundings, writeJson } from '../session.js'
import { ratio, spread } from '../stats.js'

const FULL = { rounds: 12, seconds: 0.5, warmUp: { requests: 8_000, seconds: 10 } }
const QUICK = { rounds: 3, seconds: 0.3, warmUp: { requests: 2_000, seconds: 1 } }
const WORKLOAD = 'get100b'

// Ours draws some and takes the best.
const proxied = name => (origins, core) => startProxy(name, { origins, core, drawn: true })
const clustered = (proxy, workers) => async (origins, core) => {
  const child = new Child('cluster.js', [], { core })
  const { port } = await child.call('start', { proxy, origins, workers })
  return { port, end: () => child.end(), cpu: () => cpuOf(child.pid) }
}
const inWorkers = place => ['ours', 'floor'].flatMap(name => [1, 2].map(size => {
  const start = clustered(name, size)
  return { series: name, start: (origins, core) => start(origins, place(core)), size, targets: 2, connections: 32 }
}))
const ofEach = (sizes, settings) => ['ours', 'floor'].flatMap(name => sizes.map(size => ({ series: name, start: proxied(name), ...settings(size) })))

/** The entries of a series follow each other; the first is what the others are compared with. */
const PARTS = {
  targets: { title: 'targets, 32 connections', entries: ofEach([2, 10, 100, 1_000], size => ({ size, targets: size, connections: 32 })) },
  connections: { title: 'connections, 2 targets', entries: ofEach([32, 128, 512, 2_048], size => ({ size, targets: 2, connections: size })) },
  workers: { title: 'workers of node:cluster on one core, 32 connections, 2 targets', entries: inWorkers(core => core) },
  spread: { title: 'workers of node:cluster on any core, beside the load, 32 connections, 2 targets', entries: inWorkers(() => undefined) }
}

const HELP = `npm run bench -- growth [options]
  --quick        a rough answer in a short time
  --rounds n     measurements of each (${FULL.rounds})
  --seconds n    length of each (${FULL.seconds})
  --only names   parts, separated by commas: ${Object.keys(PARTS).join(', ')}
  --json file    also writes every round to a file`

export async function run (args) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
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
    seconds: numberOf(values, 'seconds', base.seconds, 0.1, 60, Number.isFinite),
    cores: assignCores(false)
  }
  const parts = namesOf(values, 'only', Object.keys(PARTS))
  await inSession(async () => {
    const { load, origins } = await startSurroundings(plan.cores, 1_000)
    const results = []
    for (const part of parts) results.push({ part, title: PARTS[part].title, entries: await measure(PARTS[part].entries, plan, load, origins) })
    const record = { command: 'growth', ...plan, ...machine(), results }
    console.log(markdown(record))
    await writeJson(values.json, record)
  })
}

async function measure (entries, { cores, warmUp: warming, seconds, rounds }, load, origins) {
  const proxies = []
  for (const entry of entries) {
    const { start, targets, connections } = entry
    progress(`warming up: ${nameOf(entry)}`)
    const proxy = { entry, ...await start(origins.slice(0, targets), cores.proxy) }
    await warmUp(load, proxy, { workload: WORKLOAD, connections, ...warming })
    proxies.push(proxy)
  }
  const results = await takeTurns(proxies, rounds, (proxy, round) => {
    progress(`round ${round + 1} of ${rounds}: ${nameOf(proxy.entry)}`)
    return measureOnce(load, proxy, { workload: WORKLOAD, connections: proxy.entry.connections, seconds })
  })
  await Promise.all(proxies.map(proxy => proxy.end()))
  return entries.map(({ series, size }, i) => ({ series, size, rounds: results[i] }))
}

function nameOf ({ series, targets, connections, size }) {
  return `${series}, ${targets} targets, ${connections} connections (${size})`
}

function markdown (record) {
  return [
    `GET 100 B. ${described(record)}`,
    ...record.results.flatMap(({ title, entries }) => [
      '',
      `By ${title}:`,
      '',
      table(['proxy', 'how many', 'CPU µs/request', 'CPU ÷ the fewest'], entries.map(({ series, size, rounds }) => {
        const first = entries.find(entry => entry.series === series)
        return [
          series,
          size.toLocaleString('en'),
          withQuartiles(spread(costs(rounds)), 1),
          size === first.size ? '1' : withQuartiles(ratio(costs(rounds), costs(first.rounds)), 2)
        ]
      }))
    ])
  ].join('\n')
}

function costs (rounds) {
  return rounds.map(({ cpuUs }) => cpuUs)
}
