/** Which policy suits a pool of one's own: `npm run simulate -- --pool file`. */
import { readFile, writeFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { usual } from '../columns.js'
import { exists, nameOf } from '../contestants.js'
import { runAll } from '../crew.js'
import { HELP, parsed, progress, shortened } from '../options.js'
import { table } from '../report/table.js'
import { scenarioOf } from '../scenario.js'
import * as settings from '../settings.js'
import { suits } from '../suits.js'
import { isObject } from '../shipped.js'

export async function run (args) {
  const options = parsed(args, { pool: { type: 'string' } })
  if (options.help) {
    console.log(`npm run simulate -- --pool file [options]; the file is YAML or JSON, see bench/simulate/pool.example.yaml\n${HELP}`)
    return
  }
  const { policies, ...description } = await read(options.pool)
  const scenario = scenarioOf(description)
  const { seeds, quick, jobs } = options
  const played = quick ? shortened(scenario, settings.quick.measured) : scenario
  const tasks = policies.flatMap(policy => seeds.map(seed => ({ scenario: played, policy, seed })))
  const results = await runAll(tasks, { jobs, progress: (done, all) => progress(`${done} of ${all}`) })
  progress('')
  const rows = policies.map((policy, i) => ({ policy, name: nameOf(policy), results: results.slice(i * seeds.length, (i + 1) * seeds.length) }))
  console.log(`${told(scenario)}\n\n${table(rows, usual)}\n\n${suits(rows)}`)
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ description, seeds, quick: quick === true, rows }) + '\n')
}

/** The description, and the policies to compare: those it names, or all that go by load or turns. */
async function read (file) {
  const text = await readFile(file, 'utf8').catch(error => { throw new RangeError(`--pool: ${error.message}`) })
  let content
  try {
    // JSON is YAML, too.
    content = parse(text)
  } catch (error) {
    throw new RangeError(`--pool: ${file} is not YAML or JSON: ${error.message}`)
  }
  if (!isObject(content)) throw new RangeError(`--pool: ${file}: expected an object with targets and requests`)
  const { policies = settings.advised.filter(exists), ...description } = content
  if (!Array.isArray(policies) || policies.length === 0) throw new RangeError('policies: expected an array of policies')
  const unknown = policies.filter(policy => !exists(policy ?? ''))
  if (unknown.length > 0) throw new RangeError(`policies: no ${unknown.map(name => JSON.stringify(name)).join(', ')}; there are ${settings.policies.filter(exists).join(', ')}, and hash`)
  return { ...description, policies }
}

function told ({ targets, gateways, requests, phases }) {
  const rate = requests.concurrent === undefined ? `${phases.map(({ perSecond }) => perSecond.toFixed(0)).join(', then ')} requests a second` : `${requests.concurrent} clients`
  return `${targets.length} targets, ${gateways} gateway${gateways === 1 ? '' : 's'}, ${rate}. Times in milliseconds; missed: errors, and answers later than ${requests.deadline} ms.`
}
