/**
 * `npm run faults`: every scenario at full size, as a table.
 *
 *     --only kill-get,hang   these alone
 *     --scale 0.1            a tenth of the requests
 *     --seed 7               other chances (default 1)
 *     --json                 the figures as JSON
 */
import { parseArgs } from 'node:util'
import { scenarios } from './scenarios/index.js'

const { values } = parseArgs({
  options: { only: { type: 'string' }, scale: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' }, json: { type: 'boolean', default: false } }
})
const only = values.only?.split(',')
for (const name of only ?? []) {
  if (!scenarios.some(scenario => scenario.name === name)) throw new Error(`no scenario ${name}; there are ${scenarios.map(({ name }) => name).join(', ')}`)
}

const lines: object[] = []
if (!values.json) console.log('| fault, under load, three targets | client errors allowed | requests | measured | kept |\n|---|---|---|---|---|')
for (const { name, fault, allowed, unavailable, run } of scenarios) {
  if (only !== undefined && !only.includes(name)) continue
  const missing = unavailable?.()
  if (missing !== undefined) {
    console.error(`${name}: not possible here: ${missing}`)
    continue
  }
  const start = performance.now()
  const { requests, measured, broken } = await run(Number(values.scale), Number(values.seed))
  const seconds = Math.round((performance.now() - start) / 1000)
  lines.push({ name, fault, allowed, requests, measured, broken, seconds })
  if (!values.json) console.log(`| ${fault} | ${allowed} | ${requests.toLocaleString('en')} | ${measured} | ${broken.length === 0 ? 'yes' : `**no**: ${broken.join('; ')}`} |`)
  if (broken.length > 0) process.exitCode = 1
}
if (values.json) console.log(JSON.stringify(lines, null, 2))
