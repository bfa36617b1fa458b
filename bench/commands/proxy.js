/** What a proxied request costs: ours beside a peer and a floor, all in one run. */
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Child, endAll } from '../child.js'
import { assignCores } from '../cores.js'
import { markdown } from '../report.js'

/** Files of proxies/, in the order of the table. */
const PROXIES = ['ours', 'http-proxy', 'floor']
/** Files of workloads/. */
const WORKLOADS = ['get100b', 'get64kb', 'post1kb']

const CONNECTIONS = 32
/** Many short rounds rather than a few long ones: what else the machine does comes and goes by the second. */
const FULL = { rounds: 16, seconds: 0.3, warmUp: 2.5 }
const QUICK = { rounds: 4, seconds: 0.2, warmUp: 1 }

const HELP = `npm run bench -- [options]
  --quick        a rough answer in a short time
  --rounds n     measurements of each proxy (${FULL.rounds})
  --seconds n    length of each (${FULL.seconds})
  --only names   workloads, separated by commas: ${WORKLOADS.join(', ')}
  --one-core     the load, the targets and the proxy on one core
  --json file    also writes every round to a file
  --profile dir  also writes a CPU profile of each proxy, which makes all of them slower`

export async function run (args) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
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
  const stop = () => {
    endAll()
    process.exit(130)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const results = await measureAll(plan)
    console.log(markdown(results, { ...plan, ...machine() }))
    if (values.json !== undefined) await writeFile(values.json, JSON.stringify({ ...plan, ...machine(), results }, null, 2) + '\n')
  } finally {
    endAll()
  }
}

function planOf (values) {
  const base = values.quick ? QUICK : FULL
  return {
    ...base,
    rounds: numberOf(values, 'rounds', base.rounds, 1, 100, Number.isInteger),
    seconds: numberOf(values, 'seconds', base.seconds, 0.1, 60, Number.isFinite),
    workloads: namesOf(values.only),
    connections: CONNECTIONS,
    cores: assignCores(values['one-core']),
    profile: values.profile
  }
}

function numberOf (values, name, fallback, least, most, is) {
  const value = Number(values[name] ?? fallback)
  if (!is(value) || value < least || value > most) throw new RangeError(`--${name}: expected ${least} to ${most}, got ${values[name]}`)
  return value
}

function namesOf (only) {
  const names = only === undefined ? WORKLOADS : only.split(',')
  const unknown = names.filter(name => !WORKLOADS.includes(name))
  if (unknown.length > 0) throw new RangeError(`--only: no workload ${unknown.join(', ')}; there are ${WORKLOADS.join(', ')}`)
  return names
}

function machine () {
  return { node: process.version, cpu: cpus()[0]?.model.trim() ?? 'unknown', cpus: cpus().length }
}

async function measureAll (plan) {
  const targets = new Child('targets.js', [], { core: plan.cores.targets })
  const load = new Child('load.js', [], { core: plan.cores.load })
  const origins = (await targets.call('start')).ports.map(port => `http://127.0.0.1:${port}`)
  const results = []
  for (const workload of plan.workloads) results.push(await measure(workload, plan, load, origins))
  return results
}

/** All proxies at one workload. Their processes are new, so no workload is measured with code that another one has warmed up. */
async function measure (workload, plan, load, origins) {
  const proxies = await Promise.all(PROXIES.map(name => startProxy(name, workload, plan, origins)))
  const drive = (proxy, seconds) => load.call('drive', { port: proxy.port, workload, seconds, connections: plan.connections })

  progress(`${workload}: warming up`)
  for (const proxy of proxies) await drive(proxy, plan.warmUp)
  for (let round = 1; round <= plan.rounds; round++) {
    progress(`${workload}: round ${round} of ${plan.rounds}`)
    // Whatever slows the machine down bit by bit hits those in front as often as those behind.
    const order = round % 2 === 1 ? proxies : [...proxies].reverse()
    for (const proxy of order) {
      const before = await proxy.child.call('cpu')
      const { requests, seconds } = await drive(proxy, plan.seconds)
      const after = await proxy.child.call('cpu')
      const userUs = (after.user - before.user) / requests
      const systemUs = (after.system - before.system) / requests
      proxy.rounds.push({ requests, seconds, userUs, systemUs, cpuUs: userUs + systemUs, perSecond: requests / seconds })
    }
  }
  await Promise.all(proxies.map(proxy => proxy.child.end()))
  const { title } = await import(`../workloads/${workload}.js`)
  return { workload, title, proxies: proxies.map(({ name, rounds }) => ({ name, rounds })) }
}

async function startProxy (name, workload, { cores, profile }, origins) {
  const child = new Child('proxy.js', [name, ...origins], {
    core: cores.proxy,
    flags: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${workload}.${name}.cpuprofile`]
  })
  const { port } = await child.call('start')
  return { name, child, port, rounds: [] }
}

function progress (text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}\r`)
  else console.error(text)
}
