/** What memory is held for, whether it grows, and whether many targets stall the event loop. */
import { parseArgs } from 'node:util'
import { assignCores } from '../cores.js'
import { idleConnections, perTarget, requestsInFlight } from '../memory/held.js'
import { heapSlope } from '../memory/slope.js'
import { stalls } from '../memory/stalls.js'
import { namesOf, numberOf } from '../options.js'
import { inSession, machine, startSurroundings, writeJson } from '../session.js'

/** In the order of the output; each has `measure(surroundings, plan)` and `markdown(result)`. */
const PARTS = { targets: perTarget, flight: requestsInFlight, idle: idleConnections, slope: heapSlope, stalls }

const FULL = { repeats: 3, requests: 1_000_000, watch: 10 }
const QUICK = { repeats: 1, requests: 100_000, watch: 6 }

const HELP = `npm run bench -- memory [options]
  --quick        a rough answer in a short time
  --only names   parts, separated by commas: ${Object.keys(PARTS).join(', ')}
  --requests n   that the heap's slope is looked at over (${FULL.requests})
  --json file    also writes all figures to a file`

export async function run (args) {
  const { values } = parseArgs({
    args,
    options: { help: { type: 'boolean', short: 'h' }, quick: { type: 'boolean' }, only: { type: 'string' }, requests: { type: 'string' }, json: { type: 'string' } }
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const base = values.quick ? QUICK : FULL
  const plan = { ...base, requests: numberOf(values, 'requests', base.requests, 20_000, 100_000_000), cores: assignCores(false) }
  const names = namesOf(values, 'only', Object.keys(PARTS))
  await inSession(async () => {
    const surroundings = await startSurroundings(plan.cores, 2_000)
    const results = {}
    for (const name of names) {
      results[name] = await PARTS[name].measure(surroundings, plan)
      console.log(PARTS[name].markdown(results[name]) + '\n')
    }
    await writeJson(values.json, { command: 'memory', ...plan, ...machine(), results })
  })
}
