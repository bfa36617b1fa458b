/** Every attack in a small size, on a gateway in a process of its own: what `npm run abuse` does at full size. */
import t from 'tap'
import { attacks } from './attacks/index.js'
import { runAttack } from './harness/stage.js'
import { HEAD, lineOf } from './table.js'

for (const attack of attacks) {
  // How fast this machine is at the moment is no matter of a test; that the gateway hangs, or ends, is.
  t.test(attack.name, async t => {
    const result = await runAttack(attack, { scale: 0.1, stall: 10_000 })
    t.strictSame(result.broken, [], lineOf(result))
  })
}

t.test('a line of the table for a gateway that has ended', async t => {
  const line = lineOf({ name: 'x', sent: 'a|b', got: 'nothing', measured: undefined, inFlight: undefined, others: '', broken: ['the gateway ended with 1'] })
  t.equal(line, '| `x` | a\\|b | – | – | – |  | nothing | **no**: the gateway ended with 1 |')
  t.equal(HEAD.split('\n')[0]!.split('|').length, 10)
})
