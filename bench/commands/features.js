/** The price of each feature: switched on alone, beside an upstream that has nothing on. */
import { parseArgs } from 'node:util'
import { startProxy } from '../contestants.js'
import { assignCores } from '../cores.js'
import { features } from '../features.js'
import { numberOf } from '../options.js'
import { described, table, withQuartiles } from '../report.js'
import { measureOnce, takeTurns, warmUp } from '../rounds.js'
import { inSession, machine, progress, startSurroundings, writeJson } from '../session.js'
import { ratio, spread } from '../stats.js'

const FULL = { rounds: 16, seconds: 0.25, warmUp: { requests: 8_000, seconds: 10 } }
const QUICK = { rounds: 3, seconds: 0.2, warmUp: { requests: 2_000, seconds: 1 } }
const WORKLOAD = { workload: 'get100b', connections: 32 }

const HELP = `npm run bench -- features [options]
  --quick        a rough answer in a short time
  --rounds n     measurements of each feature (${FULL.rounds})
  --seconds n    length of each (${FULL.seconds})
  --json file    also writes every round to a file`

export async function run (args) {
  const { values } = parseArgs({
    args,
    options: { help: { type: 'boolean', short: 'h' }, quick: { type: 'boolean' }, rounds: { type: 'string' }, seconds: { type: 'string' }, json: { type: 'string' } }
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
  await inSession(async () => {
    const record = { command: 'features', ...plan, ...machine(), results: await measureAll(plan) }
    console.log(markdown(record))
    await writeJson(values.json, record)
  })
}

async function measureAll ({ cores, warmUp: warming, seconds, rounds }) {
  const { load, origins } = await startSurroundings(cores, 2)
  const proxies = []
  for (const feature of Object.keys(features)) {
    progress(`warming up: ${feature}`)
    const proxy = { feature, ...await startProxy('feature', { origins, core: cores.proxy, feature }) }
    await warmUp(load, proxy, { ...WORKLOAD, ...warming })
    proxies.push(proxy)
  }
  const results = await takeTurns(proxies, rounds, (proxy, round) => {
    progress(`round ${round + 1} of ${rounds}: ${proxy.feature}`)
    return measureOnce(load, proxy, { ...WORKLOAD, seconds })
  })
  return proxies.map(({ feature }, i) => ({ feature, rounds: results[i] }))
}

function markdown (record) {
  const [{ rounds: reference }] = record.results
  return [
    `GET 100 B, ${WORKLOAD.connections} connections, 2 targets. ${described(record)}`,
    '',
    table(
      ['on', 'CPU µs/request', 'CPU ÷ bare'],
      record.results.map(({ feature, rounds }, i) => [
        feature,
        withQuartiles(spread(costs(rounds)), 1),
        i === 0 ? '1' : withQuartiles(ratio(costs(rounds), costs(reference)), 2)
      ])
    )
  ].join('\n')
}

function costs (rounds) {
  return rounds.map(({ cpuUs }) => cpuUs)
}
