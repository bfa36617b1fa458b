/** The options that all commands have. */
import { parseArgs } from 'node:util'
import * as settings from './settings.js'

export const HELP = `  --quick        fewer seeds and shorter runs: a rough answer
  --seeds list   instead of ${settings.seeds.join(',')}
  --jobs n       simulations at a time (as many as there are cores)
  --json file    also writes every result to a file`

export function parsed (args, more = {}) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      seeds: { type: 'string' },
      jobs: { type: 'string' },
      json: { type: 'string' },
      ...more
    }
  })
  return {
    ...values,
    seeds: values.seeds === undefined ? (values.quick ? settings.quick.seeds : settings.seeds) : values.seeds.split(',').map(seed => whole('--seeds', seed)),
    ...(values.jobs !== undefined && { jobs: whole('--jobs', values.jobs) })
  }
}

/** One of these names each, separated by commas; all where nothing is said. */
export function chosen (option, value, known) {
  if (value === undefined) return known
  const names = value.split(',')
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0) throw new RangeError(`${option}: no ${unknown.join(', ')}; there are ${known.join(', ')}`)
  return names
}

function whole (option, value) {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new RangeError(`${option}: expected whole numbers from 1, got ${value}`)
  return Number(value)
}

/** A scenario that is measured for a share of its time; what policies have to learn takes as long as ever. One where something happens at a certain moment is left as it is. */
export function shortened (scenario, share) {
  const { phases, targets } = scenario
  const moments = targets.flatMap(({ joinsAt, leavesAt, failures, slowdowns }) => [joinsAt, leavesAt, failures?.from, ...slowdowns.map(({ at }) => at)])
  if (moments.some(moment => moment > 0)) return scenario
  return { ...scenario, phases: phases.map(phase => ({ ...phase, lasts: phase.lasts * share })) }
}

export function progress (text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}\r`)
}
