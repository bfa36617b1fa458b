import t from 'tap'
import { first } from '../../../lib/balancing/policies/first.js'
import { targetsOf } from '../../helpers/core.js'

t.test('The first that may be picked takes everything, whatever its weight and load', async t => {
  const targets = targetsOf(1, 5, 9)
  targets[0]!.inFlight = 100
  const policy = first()
  for (let i = 0; i < 10; i++) t.equal(policy.pick(targets, {}).id, 'a')
})

t.test('When the first is not among those that may be picked, the next takes over', async t => {
  const [, b, c] = targetsOf(1, 1, 1)
  t.equal(first().pick([b!, c!], {}).id, 'b')
})
