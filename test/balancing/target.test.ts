import t from 'tap'
import { Ejection } from '../../lib/balancing/ejection.js'
import { Target, type TargetHealth, type TargetState } from '../../lib/balancing/target.js'
import { configOf, defaultRules } from '../helpers/core.js'

interface Facts { state?: TargetState, health?: TargetHealth, weight?: number, standing?: 'in' | 'out' | 'trial' | 'trying' }

function make ({ state = 'ready', health = 'healthy', weight = 1, standing = 'in' }: Facts): Target {
  const target = new Target(configOf('a', { weight }), health, new Ejection(defaultRules, 0))
  target.state = state
  target.ejection.standing = standing === 'trying' ? 'trial' : standing
  target.ejection.trying = standing === 'trying'
  return target
}

/** What a target is good for: new clients, clients of its own, and when nobody else is left. */
const cases: Array<[what: string, Facts, eligible: boolean, holds: boolean, lastResort: boolean]> = [
  ['is ready and healthy', {}, true, true, true],
  ['is ready and not probed', { health: 'unchecked' }, true, true, true],
  ['waits for its first probe', { health: 'pending' }, false, false, true],
  ['is unhealthy', { health: 'unhealthy' }, false, false, true],
  ['is ejected', { standing: 'out' }, false, false, true],
  ['is about to be tried', { standing: 'trial' }, true, true, true],
  ['is being tried', { standing: 'trying' }, false, false, true],
  ['drains', { state: 'drain' }, false, true, false],
  ['drains and is unhealthy', { state: 'drain', health: 'unhealthy' }, false, false, false],
  ['has weight 0', { weight: 0 }, false, true, false],
  ['has weight 0 and is ejected', { weight: 0, standing: 'out' }, false, false, false],
  ['is in maintenance', { state: 'maintenance' }, false, false, false]
]

for (const [what, facts, eligible, holds, lastResort] of cases) {
  const uses = [eligible && 'new clients', holds && 'clients of its own', lastResort && 'the last resort'].filter(Boolean)
  t.test(`A target that ${what} is there for ${uses.join(', ') || 'nobody'}`, async t => {
    const target = make(facts)
    t.match({ eligible: target.eligible, holds: target.holds, lastResort: target.lastResort }, { eligible, holds, lastResort })
  })
}

t.test('A target is full when it has as many requests in flight as it may have, and when it has more', async t => {
  const target = new Target(configOf('a', { maxRequests: 2 }), 'unchecked', new Ejection(false, 0))
  t.same([0, 1, 2, 3].map(inFlight => { target.inFlight = inFlight; return target.full }), [false, false, true, true])
})

t.test('A target without a limit is never full', async t => {
  const target = make({})
  target.inFlight = 1e9
  t.equal(target.full, false)
})

t.test('What was written down of a target can be read from it', async t => {
  const target = new Target(configOf('a', { weight: 3, tier: 1, tags: { zone: 'x' } }), 'unchecked', new Ejection(false, 0))
  t.match(target, { id: 'a', url: 'http://a', weight: 3, tier: 1, tags: { zone: 'x' }, effectiveWeight: 3, inFlight: 0, requests: 0, failures: 0 })
})
