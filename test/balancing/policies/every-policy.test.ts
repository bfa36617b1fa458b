/** What every policy of the registry keeps to. Exceptions are listed, with the reason. */
import t, { type Test } from 'tap'
import { policies, policyOption, type PolicyName, type PolicyOption } from '../../../lib/balancing/policies/index.js'
import type { PickContext, Policy } from '../../../lib/balancing/policy.js'
import type { Target } from '../../../lib/balancing/target.js'
import { checked } from '../../../lib/options.js'
import { seededRandom } from '../../helpers/clock.js'
import { load, tally, targetsOf, toolsOf } from '../../helpers/core.js'

type Rule = 'shares follow the weights' | 'light load reaches everybody' | 'sets asked for in turns are shared evenly'

interface Subject {
  name: string
  policy: PolicyOption
  /** What is known of the i-th request. */
  ask?: (i: number) => PickContext
  /** Rules that it does not keep to, with the reason. */
  exceptions?: Partial<Record<Rule, string>>
}

const takesTheFirst = 'takes the first that may be picked, by design'
const pointsByChance = 'arcs between points that lie by chance: shares differ by a tenth or two'
const byKey = 'the same keys go to the same targets, however often each set is asked for'

/** What the general case does not show of some of them. */
const special: Partial<Record<PolicyName, Omit<Subject, 'name' | 'policy'>>> = {
  first: {
    exceptions: {
      'shares follow the weights': takesTheFirst,
      'light load reaches everybody': takesTheFirst,
      'sets asked for in turns are shared evenly': takesTheFirst
    }
  }
}

const keys = (i: number): PickContext => ({ hashKey: `key:${i}` })

const subjects: Subject[] = [
  ...Object.keys(policies).map(name => ({ name, policy: name as PolicyName, ...special[name as PolicyName] })),
  { name: 'hash of keys by rendezvous', policy: { name: 'hash', method: 'rendezvous' }, ask: keys },
  { name: 'hash of keys by ketama', policy: { name: 'hash', method: 'ketama' }, ask: keys, exceptions: { 'shares follow the weights': pointsByChance, 'sets asked for in turns are shared evenly': pointsByChance } },
  { name: 'hash of keys by maglev', policy: { name: 'hash', method: 'maglev' }, ask: keys },
  { name: 'hash of keys with bounded load', policy: { name: 'hash', maxLoadFactor: 1.25 }, ask: keys },
  { name: 'hash of one key with bounded load', policy: { name: 'hash', maxLoadFactor: 1 }, ask: () => ({ hashKey: 'one' }), exceptions: { 'light load reaches everybody': byKey, 'sets asked for in turns are shared evenly': byKey } }
]

const SIZES = [2, 10, 200]

for (const subject of subjects) describePolicy(subject)

function describePolicy ({ name, policy, ask = () => ({}), exceptions }: Subject): void {
  const { create: factory } = checked(policyOption, policy, 'policy')
  const create = (seed: number): Policy => factory(toolsOf(seededRandom(seed)))

  function begin (all: readonly Target[], seed = 1): Policy {
    const policy = create(seed)
    policy.update?.(all)
    return policy
  }

  function rule (what: Rule, test: (t: Test) => void): void {
    const reason = exceptions?.[what]
    t.test(`${name}: ${what}`, async t => {
      if (reason === undefined) test(t)
      else t.pass(`does not apply: ${reason}`)
    })
  }

  t.test(`${name}: only targets that were given are picked`, async t => {
    for (const size of SIZES) {
      const all = weighted(size)
      const policy = begin(all)
      const random = seededRandom(size)
      for (let i = 0; i < 300; i++) {
        // All of them, or any two or more in their order, as when some are full or tried.
        const some = all.filter(() => random() < 0.5)
        const given = i % 3 === 0 || some.length < 2 ? all : some
        const picked = policy.pick(given, ask(i))
        if (!given.includes(picked)) t.fail(`${picked.id} was not given`)
        if (i % 5 === 0) policy.charge?.(all[Math.floor(random() * size)]!)
        policy.settle?.(picked, { outcome: i % 4 === 0 ? 'timeout' : 'success', durationMs: 5, ttfbMs: 3 })
        load(picked, picked.inFlight + i % 2, policy)
      }
    }
  })

  t.test(`${name}: the array that is given is left as it is`, async t => {
    for (const size of SIZES) {
      const all = Object.freeze(weighted(size))
      const policy = begin(all)
      const half = Object.freeze(all.slice(0, Math.max(2, size / 2)))
      // A write to a frozen array throws.
      for (let i = 0; i < 50; i++) policy.pick(i % 2 === 0 ? all : half, ask(i))
    }
  })

  t.test(`${name}: the same chance and the same questions give the same answers`, async t => {
    const run = () => {
      const all = weighted(10)
      const policy = begin(all, 77)
      return Array.from({ length: 200 }, (_, i) => {
        const picked = policy.pick(i % 7 === 0 ? all.slice(1) : all, ask(i))
        load(picked, picked.inFlight + 1, policy)
        return picked.id
      })
    }
    t.same(run(), run())
  })

  t.test(`${name}: who has left is not picked any more, who has come is`, async t => {
    for (const size of SIZES) {
      const [old, young] = [weighted(size), targetsOf(...new Array(size).fill(2))]
      const policy = begin(old)
      for (let i = 0; i < 3 * size; i++) policy.pick(old, ask(i))
      policy.update?.(young)
      for (let i = 0; i < 3 * size; i++) {
        const picked = policy.pick(young, ask(i))
        if (!young.includes(picked)) t.fail(`${picked.id} has left`)
        load(picked, picked.inFlight + 1, policy)
      }
    }
  })

  t.test(`${name}: more targets, fewer targets and other weights are taken in`, async t => {
    const all = weighted(30)
    const policy = begin([])
    for (const size of [2, 30, 10, 29, 2, 30]) {
      const some = all.slice(30 - size)
      some.forEach((target, index) => {
        target.index = index
        target.effectiveWeight = 1 + ((index + size) % 5)
      })
      policy.update?.(some)
      for (let i = 0; i < 100; i++) if (!some.includes(policy.pick(some, ask(i)))) t.fail('not among them')
    }
  })

  rule('shares follow the weights', t => {
    for (const size of SIZES) {
      const all = weighted(size)
      const policy = begin(all)
      // Nothing ends, so that policies which go by load see it.
      for (let i = 100 * all.reduce((sum, { weight }) => sum + weight, 0); i > 0; i--) {
        const picked = policy.pick(all, ask(i))
        load(picked, picked.inFlight + 1, policy)
      }
      for (const { id, weight, inFlight } of all) {
        // Five standard deviations of a policy that draws by chance; the others are far closer.
        const expected = 100 * weight
        if (Math.abs(inFlight - expected) > 5 * Math.sqrt(expected)) t.fail(`${id} of ${size}: ${inFlight} instead of ${expected}`)
      }
    }
  })

  rule('light load reaches everybody', t => {
    for (const size of SIZES) {
      const all = targetsOf(...new Array(size).fill(1))
      const policy = begin(all)
      const seen = new Set<Target>()
      // One is left out with probability (1 - 1/n) ** 20n, which is e ** -20.
      for (let i = 0; i < 20 * size; i++) seen.add(policy.pick(all, ask(i)))
      t.equal(seen.size, size)
    }
  })

  rule('sets asked for in turns are shared evenly', t => {
    const all = targetsOf(1, 1, 1, 1)
    const policy = begin(all)
    const counts = tally(Array.from({ length: 4000 }, (_, i) => policy.pick(i % 2 === 0 ? [all[0]!, all[1]!] : [all[2]!, all[3]!], ask(i)).id))
    // 1000 each; five standard deviations of sqrt(2000 / 4) = 22
    for (const { id } of all) t.ok(Math.abs(counts[id]! - 1000) < 112, `${id}: ${counts[id]}`)
  })
}

/** Weights 1, 2, 3, 4, 1, 2, … */
function weighted (size: number): Target[] {
  return targetsOf(...Array.from({ length: size }, (_, i) => 1 + (i % 4)))
}
