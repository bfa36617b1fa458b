/**
 * `npm run abuse`: every attack at full size, each on a gateway in a process of its own, as a table. Exits with 1 where a bound is broken.
 *
 *     --only pipelined-leave,bombs   these alone
 *     --scale 0.1                    a tenth of the connections and requests
 *     --plugin /path/to/index.js     another build of the plugin
 */
import { parseArgs } from 'node:util'
import { attacks } from './attacks/index.js'
import { runAttack } from './harness/stage.js'
import { HEAD, lineOf } from './table.js'

const { values } = parseArgs({ options: { only: { type: 'string' }, scale: { type: 'string', default: '1' }, plugin: { type: 'string' } } })
const only = values.only?.split(',')
for (const name of only ?? []) {
  if (!attacks.some(attack => attack.name === name)) throw new Error(`no attack ${name}; there are ${attacks.map(({ name }) => name).join(', ')}`)
}

console.log(HEAD)
for (const attack of attacks) {
  if (only !== undefined && !only.includes(attack.name)) continue
  const result = await runAttack(attack, { scale: Number(values.scale), ...(values.plugin !== undefined && { plugin: values.plugin }) })
  console.log(lineOf(result))
  if (result.broken.length > 0) process.exitCode = 1
}
