import t from 'tap'
import { leastRequests } from '../../../lib/balancing/policies/least-requests.js'
import { policies, policyOption } from '../../../lib/balancing/policies/index.js'
import { checked } from '../../../lib/options.js'
import { targetsOf, toolsOf } from '../../helpers/core.js'

const KNOWN = Object.keys(policies).join(', ')

function faultsOf (value: unknown): string[] {
  const faults: string[] = []
  policyOption(value, 'policy', faults)
  return faults
}

t.test('Every policy is found by its name, alone or in an object', async t => {
  for (const name of Object.keys(policies)) {
    for (const value of [name, { name }]) {
      const chosen = checked(policyOption, value, 'policy')
      t.equal(chosen.name, name)
      const targets = targetsOf(1, 1)
      const policy = chosen.create(toolsOf(() => 0))
      policy.update?.(targets)
      t.ok(targets.includes(policy.pick(targets, {})), name)
    }
  }
})

t.test('A function is a policy of the user\'s own, and goes by its name', async t => {
  function mine () { return leastRequests(toolsOf(() => 0)) }
  t.same(checked(policyOption, mine, 'policy'), { name: 'mine', create: mine })
  t.equal(checked(policyOption, (() => mine)(), 'policy').create, mine)
  t.equal(checked(policyOption, Object.defineProperty(() => mine(), 'name', { value: '' }), 'policy').name, 'custom')
  const inPlace = { policy: () => mine() }
  t.equal(checked(policyOption, inPlace.policy, 'policy').name, 'custom')
})

t.test('A name that is not known is refused, with the names that are', async t => {
  t.same(faultsOf('quickest'), [`policy: expected a policy: ${KNOWN}, or a function, got "quickest" (string)`])
  t.same(faultsOf({}), [`policy.name: expected a policy: ${KNOWN}, or a function, got nothing`])
  t.same(faultsOf(null), [`policy: expected a policy: ${KNOWN}, or a function, got null`])
  t.same(faultsOf(['first']), [`policy: expected a policy: ${KNOWN}, or a function, got an array`])
})

t.test('What it is called in other balancers is told by its name here', async t => {
  t.same(faultsOf('least_conn'), [`policy: expected a policy: ${KNOWN}, or a function, got "least_conn" (string); that is 'least-requests' here`])
  t.same(faultsOf({ name: 'ip_hash' }), [`policy.name: expected a policy: ${KNOWN}, or a function, got "ip_hash" (string); that is { name: 'hash', key: 'ip' } here`])
  for (const [name, meant] of Object.entries({
    // nginx, HAProxy, Envoy, Caddy, Traefik, YARP, clouds, and as people write what is here
    least_time: "'adaptive'",
    leastconn: "'least-requests'",
    LEAST_REQUEST: "'least-requests'",
    RING_HASH: "{ name: 'hash', key }",
    random_choose: "'power-of-two'",
    wrr: "'round-robin', with the weights of the targets",
    PowerOfTwoChoices: "'power-of-two'",
    least_outstanding_requests: "'least-requests'",
    roundRobin: "'round-robin'",
    'weighted round robin': "'round-robin', with the weights of the targets",
    sticky: 'the option affinity: { cookie }',
    backup: "'first', or targets with tier: 1"
  })) t.ok(faultsOf(name)[0]!.endsWith(`; that is ${meant} here`), name)
})

t.test('What every object has by birth is not the name of a policy', async t => {
  for (const name of ['toString', 'constructor', '__proto__']) t.equal(faultsOf(name).length, 1, name)
})

t.test('An option that a policy does not have is refused', async t => {
  t.same(faultsOf({ name: 'first', retries: 1, weight: 2 }), [
    'policy.retries: unknown option; first has none',
    'policy.weight: unknown option; first has none'
  ])
  t.same(faultsOf({ name: 'adaptive', windw: 1 }), ['policy.windw: unknown option; known are window, forget, failurePenalty'])
})

t.test('An option is checked, and reaches its policy', async t => {
  t.same(faultsOf({ name: 'adaptive', window: 0, failurePenalty: '1 s' }), [
    'policy.window: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
    'policy.failurePenalty: expected milliseconds, 0 to 2147483647, or text such as "5s" or "500ms", got "1 s" (string)'
  ])
  const pickAfterFailure = (failurePenalty: number): string => {
    const { create } = checked(policyOption, { name: 'adaptive', failurePenalty }, 'policy')
    const policy = create(toolsOf(() => 0))
    const targets = targetsOf(1, 1)
    policy.update!(targets)
    policy.answered!(targets[0]!, { status: 200, ttfbMs: 10, header: () => undefined })
    policy.answered!(targets[1]!, { status: 200, ttfbMs: 300, header: () => undefined })
    policy.settle!(targets[0]!, { outcome: 'timeout', durationMs: 1 })
    return policy.pick(targets, {}).id
  }
  t.equal(pickAfterFailure(0), 'a')
  t.equal(pickAfterFailure(100_000), 'b')
})
