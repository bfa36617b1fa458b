import t from 'tap'
import { isBetter, poolSize, reuse, Samples, type Sample, type SampleRules } from '../../../lib/balancing/policies/samples.js'
import type { Target } from '../../../lib/balancing/target.js'
import { seededRandom } from '../../helpers/clock.js'
import { targetsOf } from '../../helpers/core.js'

const rules: SampleRules = { quantile: 0.6, most: 16, maxAge: 1_000, rate: 1 }
const anybody = (): boolean => true

function samplesOf (options: Partial<SampleRules> = {}, random = () => 0.99): Samples {
  return new Samples({ ...rules, ...options }, random)
}

/** The best of these, each with its requests in flight and its latency. */
function best (threshold: number, ...reported: Array<[inFlight: number, latency: number]>): number {
  const targets = targetsOf(...reported.map(() => 1))
  const samples: Sample[] = reported.map(([inFlight, latency], i) => ({ target: targets[i]!, inFlight, latency, at: 0, uses: 1 }))
  return samples.indexOf(samples.reduce((a, b) => isBetter(b, a, threshold) ? b : a))
}

t.test('Cold before hot; among the cold the lowest latency, among the hot the fewest requests', async t => {
  t.equal(best(5, [10, 1], [2, 50], [3, 20]), 2)
  t.equal(best(5, [10, 1], [2, 50]), 1)
  t.equal(best(5, [10, 1], [8, 90]), 1)
  t.equal(best(5, [5, 30], [6, 1]), 0, 'hot is more than the threshold')
})

t.test('A heavier target may have more requests, and takes longer for them', async t => {
  const [light, heavy] = targetsOf(1, 4) as [Target, Target]
  const sample = (target: Target, inFlight: number, latency: number): Sample => ({ target, inFlight, latency, at: 0, uses: 1 })
  t.equal(isBetter(sample(heavy, 16, 20), sample(light, 4, 6), 4), true)
  t.equal(isBetter(sample(heavy, 20, 20), sample(light, 4, 6), 4), false)
})

t.test('Uses of a sample, by the paper', async t => {
  const near = (got: number, expected: number): void => { t.ok(Math.abs(got - expected) < 0.0005 * expected, `${got} is ${expected}`) }
  near(reuse(3, 1, 16, 100), 1.3158)
  near(reuse(1, 0.25, 16, 100), 3.3898)
  near(reuse(0.5, 0.25, 16, 100), 11.765)
  near(reuse(3, 1, 16, 50), 1.9231)
  t.equal(reuse(3, 1, 16, 20), Infinity, 'it has no answer for so few targets')
  t.equal(reuse(10, 0, 16, 10_000), 1, 'never less than one')
})

t.test('As many samples as half of the targets, and no more than were asked for', async t => {
  t.same([2, 3, 4, 20, 31, 32, 1000].map(targets => poolSize(16, targets)), [1, 1, 2, 10, 15, 16, 16])
})

t.test('Two samples are needed', async t => {
  const [a, b] = targetsOf(1, 1) as [Target, Target]
  const samples = samplesOf()
  t.equal(samples.take(0, anybody), undefined)
  samples.add(a, 1, 10, 0, 20)
  t.equal(samples.take(0, anybody), undefined)
  samples.add(b, 1, 20, 0, 20)
  t.equal(samples.take(0, target => target === b), undefined, 'of targets that may be picked')
  t.equal(samples.take(0, anybody), a)
})

t.test('A sample is good for a second', async t => {
  const [a, b] = targetsOf(1, 1) as [Target, Target]
  const samples = samplesOf()
  samples.add(a, 1, 10, 0, 20)
  samples.add(b, 1, 20, 500, 20)
  t.equal(samples.take(1_000, anybody), a)
  t.equal(samples.take(1_001, anybody), undefined)
  t.equal(samples.targets.length, 1)
})

t.test('What a target says last is what counts', async t => {
  const [a, b] = targetsOf(1, 1) as [Target, Target]
  const samples = samplesOf()
  samples.add(a, 1, 10, 0, 20)
  samples.add(b, 1, 20, 0, 20)
  samples.add(a, 1, 30, 0, 20)
  t.equal(samples.targets.length, 2)
  t.equal(samples.take(0, anybody), b)
})

t.test('The oldest makes room for the newest', async t => {
  const targets = targetsOf(1, 1, 1, 1)
  const samples = samplesOf()
  targets.forEach((target, i) => { samples.add(target, 1, 10 + i, i, 6) })
  t.equal(samples.targets.length, 3)
  t.equal(samples.take(3, anybody), targets[1])
  samples.add(targets[0]!, 1, 1, 4, 1)
  t.equal(samples.targets.length, 0, 'with one target there is nothing to compare')
})

t.test('A pick counts as a request there, and a sample is used twice at most', async t => {
  const [a, b, c] = targetsOf(1, 1, 1) as [Target, Target, Target]
  const samples = samplesOf({}, () => 0)
  for (const target of [a, b, c]) samples.add(target, 0, 10, 0, 20)
  // One more in flight than the threshold of 0: hot, so another one is next.
  const picked = [samples.take(0, anybody), samples.take(0, anybody)]
  t.same(picked.map(target => target?.id), ['a', 'b'])
  t.equal(samples.targets.length, 3)
  t.equal(samples.take(0, anybody), c)
  t.ok([a, b, c].includes(samples.take(0, anybody)!))
  t.equal(samples.targets.length, 1, 'one was used up; with the fourth pick the oldest has gone')
})

t.test('One and a half uses are one or two, as chance has it', async t => {
  for (const [chance, left] of [[0, 'ab'], [0.99, 'b']] as const) {
    const [a, b] = targetsOf(1, 1) as [Target, Target]
    // 2 / (0.84 × 3.25 − 0.8125) is 1.04.
    const samples = samplesOf({ rate: 3.25, quantile: 1 }, () => chance)
    samples.add(a, 5, 10, 0, 100)
    samples.add(b, 5, 20, 0, 100)
    t.equal(samples.take(0, anybody), a)
    t.equal(samples.targets.map(({ id }) => id).join(''), left)
  }
})

t.test('One sample goes for each four that come: the oldest and the worst in turns', async t => {
  const targets = targetsOf(...new Array(9).fill(1))
  const samples = samplesOf({ rate: 4, quantile: 1 }, () => 0.99)
  const latencies = [10, 20, 30, 90, 50, 60, 70, 80, 5]
  // Five in flight is as much as there is, so nobody is hot.
  targets.forEach((target, i) => { samples.add(target, i === 0 ? 5 : 0, latencies[i]!, 0, 40) })
  const left = (): string => samples.targets.map(({ id }) => id).join('')
  t.equal(left(), 'abcdefghi')
  t.equal(samples.take(0, anybody)?.id, 'i')
  t.equal(left(), 'bcdefgh', 'i is used up, and a is the oldest')
  t.equal(samples.take(0, anybody)?.id, 'b')
  t.equal(left(), 'cefgh', 'b is used up, and d is the slowest')
})

t.test('The threshold is a quantile of what was reported of late', async t => {
  const targets = targetsOf(...new Array(40).fill(1))
  for (const [quantile, expected] of [[0, 2], [0.6, 0], [1, 0]] as const) {
    const samples = samplesOf({ quantile })
    // Ten figures, 1 to 10, among which a reports 10 at 1 ms, b 6 at 5 ms and c 1 at 90 ms.
    const figures = [2, 3, 4, 5, 7, 8, 9]
    figures.forEach((figure, i) => { samples.add(targets[10 + i]!, figure, 500, 0, 100) })
    samples.add(targets[0]!, 6, 5, 0, 100)
    samples.add(targets[1]!, 10, 90, 0, 100)
    samples.add(targets[2]!, 1, 90, 0, 100)
    t.equal(samples.take(0, anybody)?.index, expected, `quantile ${quantile}`)
  }
})

t.test('Who has left has said nothing', async t => {
  const [a, b, c] = targetsOf(1, 1, 1) as [Target, Target, Target]
  const samples = samplesOf()
  for (const target of [a, b, c]) samples.add(target, 1, 10, 0, 20)
  samples.keep(new Set([b, c]))
  t.equal(samples.targets.length, 2)
  samples.forget(b)
  samples.forget(b)
  t.equal(samples.targets.length, 1)
})

t.test('Whatever is reported and taken: fresh ones that fit, and no more than there is room for', async t => {
  const random = seededRandom(4)
  const targets = targetsOf(...new Array(60).fill(1))
  const samples = samplesOf({ rate: 2 }, random)
  const heard = new Map<Target, number>()
  for (let now = 0; now < 20_000; now += 7) {
    const target = targets[Math.floor(random() * 60)]!
    samples.add(target, Math.floor(random() * 9), random() * 100, now, 60)
    heard.set(target, now)
    const even = (target: Target): boolean => target.index % 2 === 0
    const taken = samples.take(now, even)
    if (taken !== undefined && (!even(taken) || now - heard.get(taken)! > 1_000)) t.fail(`${taken.id} at ${now}`)
    if (samples.targets.length > 16) t.fail(`${samples.targets.length} samples`)
  }
})
