/** Tail latency over real sockets: targets that are slow for a time or for ever, ours beside nginx and HAProxy, all in one run at the same offered load. */
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { Child, endAll } from '../child.js'
import { assignCores } from '../cores.js'
import { cases, deadline, full, quick, seed } from '../tail/cases.js'
import { startHaproxy } from '../gateways/haproxy.js'
import { startNginx } from '../gateways/nginx.js'
import { tables } from '../tail/report.js'

/** In the order of the table; `program` has to be installed. */
const GATEWAYS = [
  { name: 'adaptive', start: (origins, core) => startOurs('adaptive', origins, core) },
  { name: 'least-requests', start: (origins, core) => startOurs('least-requests', origins, core) },
  { name: 'nginx least_conn', program: 'nginx', start: (origins, core) => startNginx('least_conn', origins, core) },
  { name: 'nginx random two least_conn', program: 'nginx', start: (origins, core) => startNginx('random two least_conn', origins, core) },
  { name: 'HAProxy leastconn', program: 'haproxy', start: (origins, core) => startHaproxy('leastconn', origins, core) },
  { name: 'HAProxy random(2)', program: 'haproxy', start: (origins, core) => startHaproxy('random(2)', origins, core) }
]

const HELP = `npm run bench -- tail [options]
  --quick        one short round each
  --rounds n     measurements of each gateway (${full.rounds})
  --only names   cases, separated by commas: ${Object.keys(cases).join(', ')}
  --json file    also writes every answer's time to a file`

export async function run (args) {
  const { values } = parseArgs({
    args,
    options: { help: { type: 'boolean', short: 'h' }, quick: { type: 'boolean' }, rounds: { type: 'string' }, only: { type: 'string' }, json: { type: 'string' } }
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const plan = { ...(values.quick ? quick : full), ...(values.rounds !== undefined && { rounds: roundsOf(values.rounds) }) }
  const names = namesOf(values.only)
  const stop = () => {
    endAll()
    process.exit(130)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const results = await measureAll(names, plan)
    console.log(tables(results, { ...plan, deadline }))
    if (values.json !== undefined) await writeFile(values.json, JSON.stringify({ ...plan, deadline, seed, results }) + '\n')
  } finally {
    endAll()
  }
}

function roundsOf (value) {
  if (!/^[1-9]\d?$/.test(value)) throw new RangeError(`--rounds: expected 1 to 99, got ${value}`)
  return Number(value)
}

function namesOf (only) {
  const names = only === undefined ? Object.keys(cases) : only.split(',')
  const unknown = names.filter(name => !Object.hasOwn(cases, name))
  if (unknown.length > 0) throw new RangeError(`--only: no case ${unknown.join(', ')}; there are ${Object.keys(cases).join(', ')}`)
  return names
}

async function measureAll (names, plan) {
  const cores = assignCores(false)
  const targets = new Child('tail/targets.js', [], { core: cores.targets })
  const load = new Child('tail/load.js', [], { core: cores.load })
  const count = Math.max(...Object.values(cases).map(({ targets }) => targets.length))
  const origins = (await targets.call('start', { count })).ports.map(port => `http://127.0.0.1:${port}`)
  const present = GATEWAYS.filter(({ name, program }) => {
    const there = program === undefined || spawnSync(program, ['-v']).error === undefined
    if (!there) console.error(`${name}: ${program} is not installed, so it is left out`)
    return there
  })
  const gateways = []
  try {
    for (const { name, start } of present) gateways.push({ name, ...await start(origins, cores.proxy) })
    const results = []
    for (const name of names) results.push({ name, ...await measure(cases[name], { plan, gateways, targets, load }) })
    return results
  } finally {
    await Promise.all(gateways.map(gateway => gateway.end()))
  }
}

/** All gateways at one case. */
async function measure ({ title, perSecond, targets: specs }, { plan, gateways, targets, load }) {
  const rounds = new Map(gateways.map(({ name }) => [name, { rounds: [], late: [] }]))
  for (let round = 0; round < plan.rounds; round++) {
    // Whatever slows the machine down bit by bit hits those in front as often as those behind.
    for (const { name, port } of round % 2 === 0 ? gateways : [...gateways].reverse()) {
      console.error(`${title}: round ${round + 1} of ${plan.rounds}, ${name}`)
      await targets.call('begin', { targets: specs })
      const { warmUp, measured } = plan
      const { times, late } = await load.call('drive', { port, perSecond, warmUp, measured, deadline, seed: seed + round, seconds: (warmUp + measured + deadline) / 1000 })
      rounds.get(name).rounds.push(times)
      rounds.get(name).late.push(late)
    }
  }
  return { title, perSecond, gateways: gateways.map(({ name }) => ({ name, ...rounds.get(name) })) }
}

async function startOurs (policy, origins, core) {
  const child = new Child('tail/gateways/ours.js', [policy, ...origins], { core })
  const { port } = await child.call('start')
  return { port, end: () => child.end() }
}
