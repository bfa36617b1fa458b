/** The policy, by each of its methods. */
import fc from 'fast-check'
import t from 'tap'
import { capacity } from '../../../../lib/balancing/policies/hash/bounded-load.js'
import { hash, hashOptions, type HashOptions, type HashSettings } from '../../../../lib/balancing/policies/hash/hash.js'
import { policyOption } from '../../../../lib/balancing/policies/index.js'
import { roundRobin } from '../../../../lib/balancing/policies/round-robin.js'
import type { Policy } from '../../../../lib/balancing/policy.js'
import type { Target } from '../../../../lib/balancing/target.js'
import { checked } from '../../../../lib/options.js'
import { seededRandom } from '../../../helpers/clock.js'
import { Core, load, tally, toolsOf } from '../../../helpers/core.js'
import { keysOf, manyServers, placed, servers } from '../../../helpers/hashing.js'

const METHODS = ['rendezvous', 'ketama', 'maglev'] as const

function settingsOf (options: HashOptions<never, unknown>): HashSettings {
  return checked(hashOptions(policyOption), options, 'policy')
}

function policyOf (all: Target[], options: HashOptions<never, unknown>, later = (run: () => void) => { run() }): Policy {
  const policy = hash(toolsOf(seededRandom(1), { later }), settingsOf(options))
  policy.update!(placed(all))
  return policy
}

/** Whose each key is. */
function whose (policy: Policy, targets: readonly Target[], keys: readonly string[]): string[] {
  return keys.map(hashKey => policy.pick(targets, { hashKey }).id)
}

// ---- keys ---------------------------------------------------------------------------------------------------------------

for (const method of METHODS) {
  t.test(`${method}: a key goes to one target always, whatever is asked in between`, async t => {
    const all = manyServers(10)
    const policy = policyOf(all, { method })
    const keys = keysOf(300)
    const first = whose(policy, all, keys)
    for (const target of all) load(target, 50, policy)
    whose(policy, all.slice(3), keys)
    t.same(whose(policy, [...all], [...keys].reverse()).reverse(), first)
  })

  t.test(`${method}: gateways with the same targets agree, in whatever order they have them`, async t => {
    if (method === 'ketama') t.comment('but for points that coincide, one in millions')
    const weights = { 'a:80': 1, 'b:80': 3, 'c:80': 2, 'd:80': 1 }
    const here = servers(weights)
    const there = servers(Object.fromEntries(Object.entries(weights).reverse()))
    const keys = keysOf(500)
    t.same(whose(policyOf(here, { method }), here, keys), whose(policyOf(there, { method }), there, keys))
  })

  t.test(`${method}: who is not available is passed over, and everybody else's keys stay`, async t => {
    const all = manyServers(8)
    const policy = policyOf(all, { method })
    fc.assert(fc.property(fc.subarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 2 }), fc.string({ minLength: 1 }), (available, hashKey) => {
      const targets = available.map(i => all[i]!)
      const home = policy.pick(all, { hashKey })
      const picked = policy.pick(targets, { hashKey })
      return targets.includes(picked) && (picked === home || !targets.includes(home))
    }), { seed: 3, numRuns: 500 })
  })

  t.test(`${method}: the fallbacks of a key have an order that does not depend on who else is there`, async t => {
    const all = manyServers(8)
    const policy = policyOf(all, { method })
    for (const hashKey of keysOf(100)) {
      const order: Target[] = []
      while (order.length < 6) order.push(policy.pick(all.filter(target => !order.includes(target)), { hashKey }))
      t.equal(new Set(order).size, 6)
      // Of any two, the one that comes first in the order has the key.
      for (let i = 1; i < order.length; i++) {
        const targets = all.filter(target => target === order[i - 1] || target === order[i])
        if (policy.pick(targets, { hashKey }) !== order[i - 1]) t.fail(`${hashKey}: ${i}`)
      }
    }
  })

  t.test(`${method}: keys of one that is not available are shared by all others, not left to one`, async t => {
    const all = manyServers(10)
    const policy = policyOf(all, { method })
    const keys = keysOf(20_000).filter(hashKey => policy.pick(all, { hashKey }) === all[4])
    const shares = tally(whose(policy, all.filter((_, i) => i !== 4), keys))
    t.equal(Object.keys(shares).length, 9)
    for (const [id, share] of Object.entries(shares)) t.ok(share < keys.length * 0.25, `${id}: ${share} of ${keys.length}`)
  })

  t.test(`${method}: where next to nobody of many is available, a key still has its target`, async t => {
    const all = manyServers(2_000)
    const policy = policyOf(all, { method })
    const [few, fewer] = [[all[7]!, all[901]!, all[1555]!], [all[7]!, all[1555]!]]
    const keys = keysOf(300)
    const before = whose(policy, few, keys)
    for (const share of Object.values(tally(before))) t.ok(share > 60, String(share))
    const after = whose(policy, fewer, keys)
    t.ok(before.every((id, i) => id === all[901]!.id || id === after[i]), 'and only the keys of one that leaves move')
  })
}

// Ketama moves keys along the ring, rendezvous by scores: both only from who leaves, and to who comes. What maglev moves besides is in its own tests.
for (const method of ['rendezvous', 'ketama'] as const) {
  t.test(`${method}: when members or weights change, no key moves that need not`, async t => {
    const names = Array.from({ length: 12 }, (_, i) => `10.1.0.${i}:80`)
    const keys = keysOf(150)
    const weights = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.integer({ min: 1, max: 4 })), { selector: ([name]) => name, minLength: 3, maxLength: 12 })
    fc.assert(fc.property(weights, fc.nat(), fc.integer({ min: 0, max: 5 }), (weights, which, weight) => {
      const changed = weights[which % weights.length]![0]
      const before = servers(Object.fromEntries(weights))
      // Weight 0 is as good as gone.
      const after = servers(Object.fromEntries(weights.map(([name, old]) => [name, name === changed ? weight : old])))
      const [there, here] = [whose(policyOf(before, { method }), before, keys), whose(policyOf(after, { method }), after.filter(target => target.weight > 0), keys)]
      const heavier = weight > before.find(({ id }) => id === changed)!.weight
      return there.every((id, i) => id === here[i] || (heavier ? here[i] === changed : id === changed))
    }), { seed: 4, numRuns: 150 })
  })
}

// ---- no key -----------------------------------------------------------------------------------------------------------

t.test('The address is the key unless there is another; without either the fallback decides', async t => {
  const all = manyServers(5)
  const policy = policyOf(all, { key: 'ip', fallback: 'round-robin' })
  const home = policy.pick(all, { address: '10.9.8.7' })
  for (let i = 0; i < 5; i++) t.equal(policy.pick(all, { address: '10.9.8.7' }), home)
  t.equal(policy.pick(all, { hashKey: '10.9.8.7', address: '::1' }), home)
  for (const context of [{}, { hashKey: '' }, { address: '' }]) {
    t.equal(new Set(Array.from({ length: 5 }, () => policy.pick(all, context))).size, 5, 'all five in turns')
  }
  const byPath = policyOf(all, { key: 'path', fallback: 'round-robin' })
  t.equal(new Set(Array.from({ length: 5 }, () => byPath.pick(all, { address: '10.9.8.7' }))).size, 5, 'the address was not asked for')
})

t.test('The fallback is told all that a policy is told', async t => {
  const told: string[] = []
  const fallback = (): Policy => ({
    pick: (targets: readonly Target[]) => targets[0]!,
    update: () => { told.push('update') },
    answered: () => { told.push('answered') },
    settle: () => { told.push('settle') },
    charge: () => { told.push('charge') }
  })
  const all = manyServers(2)
  const policy = policyOf(all, { fallback })
  policy.charge!(all[0]!)
  policy.answered!(all[0]!, { status: 200, ttfbMs: 1, header: () => undefined })
  policy.settle!(all[0]!, { outcome: 'success', durationMs: 1 })
  t.same(told, ['update', 'charge', 'answered', 'settle'])
  const plain = policyOf(all, { fallback: () => ({ pick: (targets: readonly Target[]) => targets[0]! }) })
  t.equal(plain.answered, undefined, 'nobody wants to hear of answers')
  plain.settle!(all[0]!, { outcome: 'success', durationMs: 1 })
  plain.charge!(all[0]!)
})

t.test('As the only thing said, it takes the defaults', async t => {
  const all = manyServers(3)
  const policy = hash(toolsOf(() => 0))
  policy.update!(all)
  t.equal(policy.pick(all, { address: '::1' }), policyOf(all, {}).pick(all, { hashKey: '::1' }))
})

t.test('Options that are wrong are told', async t => {
  const faultsOf = (options: object): string[] => {
    const faults: string[] = []
    policyOption({ name: 'hash', ...options }, 'policy', faults)
    return faults
  }
  t.same(faultsOf({ method: 'jump', key: 'host', maxLoadFactor: 0.9, fallback: { name: 'hash', key: 'ip' } }), [
    "policy.method: expected 'rendezvous' or 'ketama' or 'maglev', got \"jump\" (string)",
    "policy.key: expected 'ip', 'path', 'url', { header }, { cookie }, { query } or a function, got \"host\" (string)",
    'policy.fallback: expected a policy that needs no key, got hash',
    'policy.maxLoadFactor: expected a number from 1, got 0.9'
  ])
  t.same(faultsOf({ key: { header: '' } }), ['policy.key.header: expected a string that is not empty, got "" (string)'])
  t.same(faultsOf({ key: { header: 'a', cookie: 'b' } }).length, 1)
  for (const key of ['ip', 'path', 'url', { header: 'x-user' }, { cookie: 'sid' }, { query: 'user' }, () => 'me']) t.same(faultsOf({ key }), [])
  t.same(faultsOf({ fallback: function hash () { return roundRobin(toolsOf(() => 0)) } }), [], 'a policy of one’s own may be called so')
})

// ---- bounded load -------------------------------------------------------------------------------------------------------

t.test('What those have in flight who may not be picked counts for nobody', async t => {
  const all = manyServers(4)
  const policy = policyOf(all, { method: 'maglev', maxLoadFactor: 1.25 })
  const able = all.slice(1)
  const first = policy.pick(able, { hashKey: 'x' })
  load(all[0]!, 100, policy)
  load(first, 1, policy)
  t.not(policy.pick(able, { hashKey: 'x' }), first, 'its one request is a quarter more than its share of two')
})

t.test('Capacities', async t => {
  t.equal(capacity(1.25, 10, 1 / 4), 4)
  t.equal(capacity(1.25, 100, 1 / 10), 13)
  t.equal(capacity(1.25, 7, 1 / 3), 3)
  t.equal(capacity(1.25, 1, 1 / 10), 1)
})

for (const method of METHODS) {
  t.test(`${method}: nobody has more than its share and a quarter, and what it cannot take goes to the next of that key`, async t => {
    const all = servers({ 'a:80': 1, 'b:80': 2, 'c:80': 1, 'd:80': 4 })
    const policy = policyOf(all, { method, maxLoadFactor: 1.25 })
    const unbound = policyOf(all, { method })
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.boolean()), { maxLength: 120 }), steps => {
      for (const target of all) load(target, 0, policy)
      for (const [key, ends] of steps) {
        const hashKey = `key:${key}`
        const total = all.reduce((sum, { inFlight }) => sum + inFlight, 1)
        const picked = policy.pick(all, { hashKey })
        if (picked.inFlight + 1 > Math.ceil(1.25 * total * picked.weight / 8)) return false
        // Whoever is before it in the order of this key is full.
        let before: readonly Target[] = all
        for (let first = unbound.pick(before, { hashKey }); first !== picked; first = unbound.pick(before, { hashKey })) {
          if (first.inFlight + 1 <= Math.ceil(1.25 * total * first.weight / 8)) return false
          before = before.filter(target => target !== first)
          if (before.length === 1) break
        }
        if (!ends) load(picked, picked.inFlight + 1, policy)
      }
      return true
    }), { seed: 5, numRuns: 50 })
  })

  t.test(`${method}: with keys as Zipf has them, the busiest has 1.3 times the mean and most keys are at home`, async t => {
    // 20 targets, 10,000 keys with exponent 1, 200 requests at once.
    const all = manyServers(20)
    const bounded = policyOf(all, { method, maxLoadFactor: 1.25 })
    const free = policyOf(all, { method })
    const random = seededRandom(6)
    const chances = Array.from({ length: 10_000 }, (_, i) => 1 / (i + 1))
    const sum = chances.reduce((a, b) => a + b)
    const cumulated = chances.map((sum => (chance: number) => (sum += chance))(0)).map(value => value / sum)
    const zipf = (): string => {
      const point = random()
      let [low, high] = [0, 9_999]
      while (low < high) {
        const middle = (low + high) >> 1
        if (cumulated[middle]! < point) low = middle + 1
        else high = middle
      }
      return `key:${low}`
    }
    const open: Target[] = []
    let [home, busiest, picks] = [0, 0, 0]
    for (let i = 0; i < 6_000; i++) {
      if (open.length === 200) {
        const [ended] = open.splice(Math.floor(random() * 200), 1)
        load(ended!, ended!.inFlight - 1, bounded)
      }
      const hashKey = zipf()
      const picked = bounded.pick(all, { hashKey })
      load(picked, picked.inFlight + 1, bounded)
      open.push(picked)
      if (i < 1_000) continue
      picks++
      if (picked === free.pick(all, { hashKey })) home++
      busiest = Math.max(busiest, Math.max(...all.map(({ inFlight }) => inFlight)) / (open.length / 20))
    }
    t.ok(busiest <= 1.3, `busiest ${busiest}`)
    t.ok(home / picks >= 0.7, `at home ${home / picks}`)
  })
}

// ---- tables -------------------------------------------------------------------------------------------------------------

for (const method of ['ketama', 'maglev'] as const) {
  t.test(`${method}: health, slow start and the same members once more make no table`, async t => {
    let put = 0
    const all = manyServers(200)
    const policy = policyOf(all, { method }, () => { put++ })
    for (let i = 0; i < 10; i++) {
      whose(policy, all.filter((_, j) => j % 10 !== i), keysOf(10))
      all[i]!.effectiveWeight = 0.1 * i
      policy.update!(all)
    }
    t.equal(put, 0)
    all[0]!.config = { ...all[0]!.config, weight: 2 }
    policy.update!(all)
    t.equal(put, 1, 'a weight does')
  })

  t.test(`${method}: while a large table is made, keys stay where they were, and nobody is picked who has left`, async t => {
    const put: Array<() => void> = []
    const all = manyServers(200)
    const keys = keysOf(1_000)
    const policy = policyOf(all, { method }, run => { put.push(run) })
    const before = whose(policy, all, keys)
    const gone = all[3]!
    const fewer = placed(all.filter(target => target !== gone))
    const more = placed([...fewer, servers({ 'new:80': 1 })[0]!])
    policy.update!(fewer)
    policy.update!(more)
    const meanwhile = whose(policy, more, keys)
    t.ok(before.every((id, i) => id === meanwhile[i] || id === gone.id))
    t.notOk(meanwhile.includes(gone.id))
    let slices = 0
    for (let run = put.shift(); run !== undefined; run = put.shift()) {
      run()
      slices++
    }
    t.ok(slices > 3, `${slices} slices`)
    t.same(whose(policy, more, keys), whose(policyOf(more, { method }), more, keys), 'afterwards it is as if it had always been so')
  })
}

t.test('In a core: a target that is ejected and comes back has its keys again', async t => {
  const core = new Core({ a: {}, b: {}, c: {} }, { policy: 'hash' })
  const keys = keysOf(60)
  const of = (): string => keys.map(hashKey => core.picks(1, { hashKey })).join(' ')
  const before = of()
  core.eject('b')
  const meanwhile = of()
  t.notOk(meanwhile.includes('b'))
  t.ok(before.split(' ').every((id, i) => id === 'b' || id === meanwhile.split(' ')[i]))
  core.clock.advance(10_000)
  core.attempt('b', 'success')
  t.equal(of(), before)
})

t.test('In a core: large tables are made off the path of requests', async t => {
  const targets = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`t${i}`, { url: `http://10.0.0.${i}:80` }]))
  const core = new Core(targets, { policy: tools => hash(tools, settingsOf({ method: 'ketama' })) })
  t.equal(core.clock.pending, 0)
  core.balancer.remove(core.target('t7'))
  t.equal(core.clock.pending, 1)
  core.clock.advance(0)
  t.equal(core.clock.pending, 0)
})
