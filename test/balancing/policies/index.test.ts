import t from 'tap'
import { leastRequests } from '../../../lib/balancing/policies/least-requests.js'
import { policies, policyOption } from '../../../lib/balancing/policies/index.js'
import { checked } from '../../../lib/options.js'

const KNOWN = Object.keys(policies).join(', ')

function faultsOf (value: unknown): string[] {
  const faults: string[] = []
  policyOption(value, 'policy', faults)
  return faults
}

t.test('Every policy is found by its name, alone or in an object', async t => {
  for (const [name, create] of Object.entries(policies)) {
    t.same(checked(policyOption, name, 'policy'), { name, create })
    t.same(checked(policyOption, { name }, 'policy'), { name, create })
  }
})

t.test('A function is a policy of the user\'s own, and goes by its name', async t => {
  function mine () { return leastRequests({ random: () => 0, now: () => 0 }) }
  t.same(checked(policyOption, mine, 'policy'), { name: 'mine', create: mine })
  t.equal(checked(policyOption, (() => mine)(), 'policy').create, mine)
  t.equal(checked(policyOption, Object.defineProperty(() => mine(), 'name', { value: '' }), 'policy').name, 'custom')
})

t.test('A name that is not known is refused, with the names that are', async t => {
  t.same(faultsOf('least-connections'), [`policy: expected a policy: ${KNOWN}, or a function, got "least-connections" (string)`])
  t.same(faultsOf({ name: 'rr' }), [`policy.name: expected a policy: ${KNOWN}, or a function, got "rr" (string)`])
  t.same(faultsOf({}), [`policy.name: expected a policy: ${KNOWN}, or a function, got nothing`])
  t.same(faultsOf(null), [`policy: expected a policy: ${KNOWN}, or a function, got null`])
  t.same(faultsOf(['first']), [`policy: expected a policy: ${KNOWN}, or a function, got an array`])
})

t.test('What every object has by birth is not the name of a policy', async t => {
  for (const name of ['toString', 'constructor', '__proto__']) t.equal(faultsOf(name).length, 1, name)
})

t.test('An option that a policy does not have is refused', async t => {
  t.same(faultsOf({ name: 'first', retries: 1, weight: 2 }), [
    'policy.retries: unknown option; first has none',
    'policy.weight: unknown option; first has none'
  ])
})
