import t from 'tap'
import fc from 'fast-check'
import type { Policy } from '../../../lib/balancing/policy.js'
import { roundRobin } from '../../../lib/balancing/policies/round-robin.js'
import type { Target } from '../../../lib/balancing/target.js'
import { seededRandom } from '../../helpers/clock.js'
import { tally, targetsOf, toolsOf } from '../../helpers/core.js'

function policyOf (all: readonly Target[], random = () => 0): Policy {
  const policy = roundRobin(toolsOf(random))
  policy.update!(all)
  return policy
}

function picks (policy: Policy, targets: readonly Target[], times: number): string {
  return Array.from({ length: times }, () => policy.pick(targets, {}).id).join(' ')
}

/** Sets the indexes, as the Balancer does, and tells the policy. */
function change (policy: Policy, all: Target[]): Target[] {
  all.forEach((target, index) => { target.index = index })
  policy.update!(all)
  return all
}

// ---- the sequence -----------------------------------------------------------------------------------------------------

const sequences: Array<[weights: number[], sequence: string]> = [
  [[5, 1, 1], 'a a b a c a a'],
  [[3, 1], 'a a b a'],
  [[2, 1], 'a b a'],
  [[1, 2], 'b a b'],
  [[3, 2], 'a b a b a'],
  [[1, 2, 3], 'c b a c b c'],
  [[3, 2, 1], 'a b a c b a'],
  [[4, 2, 1], 'a b a c a b a'],
  [[1, 2, 3, 4], 'd c b d a c d b c d'],
  [[8, 1, 1], 'a a a b a a c a a a'],
  [[10, 1], 'a a a a a b a a a a a'],
  [[1, 1, 1], 'a b c'],
  [[7, 7], 'a b']
]

for (const [weights, sequence] of sequences) {
  t.test(`Weights ${weights.join(', ')} give ${sequence}, over and over`, async t => {
    const targets = targetsOf(...weights)
    const length = sequence.split(' ').length
    t.equal(picks(policyOf(targets), targets, 3 * length), [sequence, sequence, sequence].join(' '))
  })
}

t.test('The same targets in a new array each time get the same sequence', async t => {
  for (const [weights, sequence] of sequences) {
    const targets = targetsOf(...weights)
    const policy = policyOf(targets)
    const ids = sequence.split(' ').map(() => policy.pick([...targets], {}).id)
    t.equal(ids.join(' '), sequence, weights.join(', '))
  }
})

t.test('A target in slow start has turns for the weight it has reached', async t => {
  const targets = targetsOf(1, 1)
  targets[1]!.effectiveWeight = 0.25
  t.equal(picks(policyOf(targets), targets, 10), 'a a b a a a a b a a')
})

t.test('With equal weights, targets that are asked for again and again are not looked through each time', async t => {
  const all = targetsOf(...new Array(1000).fill(1))
  const policy = policyOf(all)
  let reads = 0
  const watched = new Proxy(all, { get: (array, key) => { reads++; return Reflect.get(array, key) } })
  policy.pick(watched, {})
  policy.pick(watched, {})
  reads = 0
  t.equal(picks(policy, watched, 1000), [...all.slice(2), ...all.slice(0, 2)].map(({ id }) => id).join(' '))
  t.equal(reads, 0)
})

// ---- where it starts --------------------------------------------------------------------------------------------------

t.test('With equal weights it starts at a random target', async t => {
  const targets = targetsOf(1, 1, 1, 1)
  t.equal(picks(policyOf(targets, () => 0.5), targets, 5), 'c d a b c')
  t.equal(picks(policyOf(targets, () => 0.999), targets, 5), 'd a b c d')
})

t.test('With other weights it starts at a random point of the rotation', async t => {
  const targets = targetsOf(5, 1, 1)
  const random = seededRandom(1)
  const rotation = 'a a b a c a a'.split(' ')
  const starts = new Set<string>()
  for (let i = 0; i < 200; i++) starts.add(picks(policyOf(targets, random), targets, 7))
  t.same([...starts].sort(), rotation.map((_, i) => [...rotation.slice(i), ...rotation.slice(0, i)].join(' ')).sort())
})

t.test('A common divisor of the weights makes the rotation no longer', async t => {
  // 50, 10, 10 are 7 turns, of which the last is the start, and not 70 of which it is the 63rd.
  const targets = targetsOf(50, 10, 10)
  t.equal(picks(policyOf(targets, () => 6 / 7 + 0.001), targets, 7), 'a a a b a c a')
})

t.test('A long rotation costs no more than 1000 picks at the start', async t => {
  const weights = new Array(100).fill(255)
  weights[0] = 256
  const targets = targetsOf(...weights)
  let reads = 0
  for (const target of targets) {
    Object.defineProperty(target, 'effectiveWeight', { get: () => { reads++; return target.weight } })
  }
  policyOf(targets, () => 0.9999)
  t.ok(reads < 1_010 * 100, String(reads))
})

t.test('It starts when there are targets, and does so once', async t => {
  let asked = 0
  const policy = roundRobin(toolsOf(() => { asked++; return 0.5 }))
  policy.update!([])
  t.equal(asked, 0)
  const targets = change(policy, targetsOf(1, 1, 1, 1))
  t.equal(asked, 1)
  t.equal(picks(policy, targets, 1), 'c')
  change(policy, targets)
  t.equal(asked, 1)
  t.equal(picks(policy, targets, 2), 'd a')
})

t.test('Targets of weight 0 have no part in where it starts', async t => {
  const targets = targetsOf(0, 2, 1)
  const policy = policyOf(targets, () => 0.4)
  // One pick of the rotation b c b is spent.
  t.equal(picks(policy, targets.slice(1), 3), 'c b b')
})

// ---- who may be picked changes ------------------------------------------------------------------------------------------

t.test('When a target cannot be picked, the others keep their ratio', async t => {
  const [a, b, c] = targetsOf(4, 2, 1) as [Target, Target, Target]
  const policy = policyOf([a, b, c])
  t.equal(picks(policy, [a, b, c], 3), 'a b a')
  const without = Array.from({ length: 600 }, () => policy.pick([a, b], {}).id)
  t.same(tally(without), { a: 400, b: 200 })
  const back = Array.from({ length: 700 }, () => policy.pick([a, b, c], {}).id)
  t.same(tally(back), { a: 400, b: 200, c: 100 })
})

t.test('With equal weights, the next in turn takes over from one that cannot be picked', async t => {
  const targets = targetsOf(1, 1, 1, 1)
  const [a, b, , d] = targets as [Target, Target, Target, Target]
  const policy = policyOf(targets)
  t.equal(picks(policy, targets, 2), 'a b')
  t.equal(picks(policy, [a, b, d], 4), 'd a b d')
  t.equal(picks(policy, targets, 5), 'c a b d c', 'who is back has waited longest')
})

t.test('Two sets of targets asked for in turns have their own rotations', async t => {
  const [a, b, c, d] = targetsOf(1, 1, 1, 1) as [Target, Target, Target, Target]
  const policy = policyOf([a, b, c, d])
  const ids = Array.from({ length: 8 }, (_, i) => policy.pick(i % 2 === 0 ? [a, b] : [c, d], {}).id)
  t.equal(ids.join(' '), 'a c b d a c b d')
})

t.test('Two tiers share their load evenly, each among its own', async t => {
  const targets = targetsOf(1, 1, 1, 1, 1)
  const policy = policyOf(targets)
  const random = seededRandom(2)
  const [first, second] = [targets.slice(0, 2), targets.slice(2)]
  const counts = tally(Array.from({ length: 3000 }, () => policy.pick(random() < 0.7 ? first : second, {}).id))
  t.ok(Math.abs(counts['a']! - counts['b']!) <= 1, JSON.stringify(counts))
  t.ok(Math.abs(counts['c']! - counts['d']!) <= 1 && Math.abs(counts['d']! - counts['e']!) <= 1, JSON.stringify(counts))
})

t.test('A turn had in a retry is a turn: the others are not passed over', async t => {
  const targets = targetsOf(1, 1, 1)
  const policy = policyOf(targets)
  const ids: string[] = []
  for (let i = 0; i < 6; i++) {
    // Whatever goes to a fails, and is tried again at another.
    let { id } = policy.pick(targets, {})
    if (id === 'a') id = policy.pick(targets.slice(1), {}).id
    ids.push(id)
  }
  t.equal(ids.join(' '), 'b c b c b c')
})

// ---- membership changes -----------------------------------------------------------------------------------------------

t.test('After a removal the next in turn is still the next', async t => {
  const policy = policyOf([])
  let targets = change(policy, targetsOf(1, 1, 1, 1))
  t.equal(picks(policy, targets, 2), 'a b')
  targets = change(policy, targets.filter(({ id }) => id !== 'b'))
  t.equal(picks(policy, targets, 4), 'c d a c')
})

t.test('A new target waits for half of a cycle, and keeps its place', async t => {
  const policy = policyOf([])
  const [a, b, c, d] = targetsOf(1, 1, 1, 1) as [Target, Target, Target, Target]
  change(policy, [a, b, c])
  t.equal(picks(policy, [a, b, c], 1), 'a')
  change(policy, [a, b, c, d])
  t.equal(picks(policy, [a, b, c, d], 7), 'b c d a b c d')
})

t.test('New targets wait in their configured order', async t => {
  for (const again of [(all: Target[]) => all, (all: Target[]) => [...all]]) {
    const policy = policyOf([])
    const [a, b, c, d, e] = targetsOf(1, 1, 1, 1, 1) as [Target, Target, Target, Target, Target]
    change(policy, [a, b, c])
    policy.pick([a, b, c], {})
    const all = change(policy, [a, b, c, d, e])
    t.equal(Array.from({ length: 7 }, () => policy.pick(again(all), {}).id).join(' '), 'b c d e a b c')
  }
})

t.test('In another order of the same targets, those that have waited equally long come in that order', async t => {
  const policy = policyOf([])
  const [a, b, c] = targetsOf(1, 1, 1) as [Target, Target, Target]
  change(policy, [a, b, c])
  t.equal(picks(policy, [a, b, c], 1), 'a')
  change(policy, [c, b, a])
  t.equal(picks(policy, [c, b, a], 8), 'c b c b a c b a', 'the cycle that has begun is finished first')
})

t.test('Different weights: who stays keeps its place when others come and go', async t => {
  const policy = policyOf([])
  const [a, b, c] = targetsOf(5, 1, 1) as [Target, Target, Target]
  change(policy, [a, b, c])
  t.equal(picks(policy, [a, b, c], 3), 'a a b')
  // Weights 5 and 1 with b at the start of its rotation and c about to have its turn.
  change(policy, [c, a])
  const all = [c, a]
  t.equal(Array.from({ length: 6 }, () => policy.pick(all, {}).id).join(' '), 'a a c a a a')
})

t.test('A weight that changes counts from the next pick on', async t => {
  const targets = targetsOf(1, 1)
  const policy = policyOf(targets)
  t.equal(picks(policy, targets, 2), 'a b')
  targets[0]!.effectiveWeight = 3
  policy.update!(targets)
  t.equal(picks(policy, targets, 8), 'a a b a a a b a')
  targets[0]!.effectiveWeight = 1
  policy.update!(targets)
  t.same(tally(picks(policy, targets, 10).split(' ')), { a: 5, b: 5 })
})

// ---- clients that belong to a target ----------------------------------------------------------------------------------

t.test('Equal weights: a client of its own is a turn that the target does not have again', async t => {
  const targets = targetsOf(1, 1, 1)
  const [, b] = targets
  const policy = policyOf(targets)
  t.equal(picks(policy, targets, 3), 'a b c')
  policy.charge!(b!)
  t.equal(picks(policy, targets, 5), 'a c a b c')
})

t.test('Equal weights: many clients of its own cost no more than that one turn', async t => {
  const targets = targetsOf(1, 1, 1)
  const [a] = targets
  for (const again of [() => targets, () => [...targets]]) {
    const policy = policyOf(targets)
    for (let i = 0; i < 100; i++) policy.charge!(a!)
    const ids = Array.from({ length: 6 }, () => policy.pick(again(), {}).id)
    t.equal(ids.join(' '), 'b c a b c a')
  }
})

t.test('Equal weights: when everybody owes a turn, nobody does', async t => {
  const targets = targetsOf(1, 1, 1)
  for (const again of [() => targets, () => [...targets]]) {
    const policy = policyOf(targets)
    policy.pick(again(), {})
    policy.pick(again(), {})
    for (const target of targets) policy.charge!(target)
    t.equal(policy.pick(again(), {}).id, 'c')
    policy.charge!(targets[1]!)
    const ids = Array.from({ length: 4 }, () => policy.pick(again(), {}).id)
    t.equal(ids.join(' '), 'a c a b', 'and what is charged then counts again')
  }
})

t.test('Equal weights: a debt is forgotten with the target that owed it', async t => {
  const policy = policyOf([])
  const [a, b, c] = targetsOf(1, 1, 1) as [Target, Target, Target]
  change(policy, [a, b, c])
  policy.charge!(b)
  change(policy, [a, c])
  change(policy, [a, b, c])
  t.equal(picks(policy, [a, b, c], 6), 'a c b a c b', 'it comes back as a new one')
})

t.test('Different weights: a client of its own is a turn that the target does not have again', async t => {
  const targets = targetsOf(1, 2)
  const policy = policyOf(targets)
  // The rotation is b a b. A client of b takes its first turn.
  policy.charge!(targets[1]!)
  t.equal(picks(policy, targets, 5), 'a b b a b')
})

t.test('Different weights: after 100 clients of one target, 100 fresh ones still split by weight', async t => {
  for (const charged of [0, 1, 2, 3]) {
    const targets = targetsOf(1, 2, 3, 4)
    const policy = policyOf(targets)
    for (let i = 0; i < 100; i++) policy.charge!(targets[charged]!)
    const counts = tally(picks(policy, targets, 100).split(' '))
    targets.forEach(({ id, weight }, i) => {
      // The debt is one rotation at most: as many turns as the weight, which the others have instead.
      const missed = weight * 10 - counts[id]!
      if (i === charged) t.ok(missed >= 0 && missed <= weight, `${id} misses ${missed}`)
      else t.ok(missed <= 0 && missed >= -targets[charged]!.weight, `${id} misses ${missed}`)
    })
  }
})

t.test('Different weights: fresh clients split by weight however many belong to a target already', async t => {
  for (const sticky of [0.5, 0.8, 0.95]) {
    const targets = targetsOf(5, 1, 1)
    const policy = policyOf(targets)
    const random = seededRandom(8)
    const fresh: string[] = []
    while (fresh.length < 7000) {
      // Those who stay are spread by weight, too, as they were fresh once.
      if (random() < sticky) policy.charge!(targets[Math.max(0, Math.floor(random() * 7) - 4)]!)
      else fresh.push(policy.pick(targets, {}).id)
    }
    const counts = tally(fresh)
    // 5000, 1000 and 1000. Clients that stay come by chance, and the rotation makes up for that: hence the tenth.
    t.ok(Math.abs(counts['a']! - 5000) < 500, JSON.stringify(counts))
    t.ok(Math.abs(counts['b']! - 1000) < 500 && Math.abs(counts['c']! - 1000) < 500, JSON.stringify(counts))
  }
})

t.test('Different weights: clients of a target that takes no new ones change nothing for the new ones', async t => {
  const targets = targetsOf(1, 2, 1)
  const open = targets.slice(0, 2)
  const policy = policyOf(targets)
  t.equal(picks(policy, open, 3), 'b a b')
  for (let i = 0; i < 10; i++) policy.charge!(targets[2]!)
  t.equal(picks(policy, open, 3), 'b a b')
  // And none of it is saved up for the time when it does.
  t.same(tally(picks(policy, targets, 8).split(' ')), { a: 2, b: 4, c: 2 })
})

// ---- smoothness after changes -------------------------------------------------------------------------------------------

/** The longest runs of the same target in nginx's sequence for these weights, from its beginning on. */
function longestRuns (weights: readonly number[], picks: number): number[] {
  const current = weights.map(() => 0)
  const sum = weights.reduce((a, b) => a + b)
  const longest = weights.map(() => 0)
  let last = -1
  let run = 0
  for (let i = 0; i < picks; i++) {
    weights.forEach((weight, j) => { current[j]! += weight })
    const best = current.indexOf(Math.max(...current))
    current[best]! -= sum
    run = best === last ? run + 1 : 1
    last = best
    longest[best] = Math.max(longest[best]!, run)
  }
  return longest
}

/** The first run that is too long among as many picks as three cycles have, if there is any. */
function burst (policy: Policy, able: readonly Target[]): string | undefined {
  const weights = able.map(({ effectiveWeight }) => effectiveWeight)
  const sum = weights.reduce((a, b) => a + b)
  const picks = Math.min(3 * sum, 1_500)
  const equal = weights.every(weight => weight === weights[0])
  // Between two targets of little weight that come one after the other, nginx's own sequence has runs longer than the rule; a change may add one pick.
  const own = longestRuns(weights, picks)
  const most = weights.map((weight, i) => equal ? 2 : Math.max(own[i]!, Math.ceil(weight / (sum - weight)) + 1) + 1)
  let last: Target | undefined
  let run = 0
  for (let i = 0; i < picks; i++) {
    const target = policy.pick(able, {})
    run = target === last ? run + 1 : 1
    last = target
    if (run > most[able.indexOf(target)]!) return `weights ${weights.join()}: ${target.id} ${run} times in a row, by pick ${i}`
  }
  return undefined
}

t.test('Weights 1, 250, 1: when the heavy one goes, the others take turns from the first pick on', async t => {
  for (const spent of [0, 1, 17, 125, 126, 200]) {
    const [a, b, c] = targetsOf(1, 250, 1) as [Target, Target, Target]
    const policy = policyOf([a, b, c])
    picks(policy, [a, b, c], spent)
    t.match(picks(policy, [a, c], 6), /^(?:a c|c a)(?: (?:a c|c a))+$/, `after ${spent} picks`)
  }
})

t.test('After any change of who may be picked, of weights or of membership, no target is picked in bursts', async t => {
  fc.assert(fc.property(fc.integer(), fc.constantFrom(2, 3, 4, 7, 12, 40), fc.boolean(), (seed, size, equal) => {
    const random = seededRandom(seed)
    const below = (n: number): number => Math.floor(random() * n)
    const weight = (): number => equal ? 1 : random() < 0.5 ? 1 + below(5) : 1 + below(256)
    let all = targetsOf(...Array.from({ length: size }, weight))
    const policy = policyOf(all, random)
    let able: readonly Target[] = all
    for (let round = 0; round < 6; round++) {
      for (let i = below(60); i > 0; i--) {
        policy.pick(able, {})
        // A retry leaves out the one that was tried.
        if (able.length > 2 && random() < 0.1) policy.pick(able.filter((_, j) => j !== 1), {})
      }
      const kind = random()
      if (kind < 0.25) {
        for (const target of all) if (random() < 0.3) target.effectiveWeight = weight()
        change(policy, all)
      } else if (kind < 0.5) {
        const newcomers = targetsOf(...Array.from({ length: size + 4 }, weight)).slice(size).filter(() => random() < 0.5)
        const staying = all.filter(() => random() < 0.7)
        all = change(policy, [...staying, ...newcomers].length < 2 ? [...all] : [...staying, ...newcomers])
        able = all
      } else {
        able = all.filter(() => random() < 0.6)
        if (able.length < 2) able = all
      }
      const found = burst(policy, able)
      if (found !== undefined) throw new Error(found)
    }
    return true
  }), { seed: 3, numRuns: 150 })
})

t.test('A pool that grows from one target is as smooth', async t => {
  const policy = policyOf([])
  const [a, b] = targetsOf(200, 1) as [Target, Target]
  change(policy, [a])
  t.equal(burst(policy, change(policy, [a, b])), undefined)
})
