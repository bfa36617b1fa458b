/** What is held in common: whatever is heard, in whatever order and however often, all who have heard the same hold the same. */
import fc from 'fast-check'
import t from 'tap'
import { entry, FIELDS, isOld, read, Records, written, type Entry } from '../../lib/sharing/records.js'
import { VersionClock, isVersion, timeOf } from '../../lib/sharing/version.js'

const DAY = 86_400_000

/** Changes of few things by few gateways with clocks that differ, so that they meet. */
const entries = fc.array(fc.record({
  what: fc.constantFrom('target' as const, ...FIELDS, 'order' as const),
  id: fc.constantFrom('a', 'b'),
  gateway: fc.constantFrom(1, 2, 3),
  time: fc.nat(5)
}), { maxLength: 20 }).map(list => list.map(({ what, id, gateway, time }): Entry => {
  const version = new VersionClock(() => 1_000 + time, gateway).next()
  // No two changes have one version.
  return entry({ upstream: 'shop', what, id: what === 'order' ? '' : id }, version, what === 'target' && time % 2 === 0 ? { drainMs: 0 } : { url: `http://${version}` })
}))

function heldBy (heard: readonly Entry[]): string[] {
  const records = new Records()
  for (const entry of heard) records.merge(entry)
  return [...records].map(entry => `${entry.key} ${written(entry)}`).sort()
}

/** The same in some other order, some of it more than once. */
const shuffled = (list: Entry[]): fc.Arbitrary<Entry[]> =>
  fc.tuple(fc.shuffledSubarray(list, { minLength: list.length }), fc.subarray(list)).map(([all, again]) => [...all, ...again])

t.test('the order in which changes are heard, and how often, makes no difference', async t => {
  fc.assert(fc.property(entries.chain(list => fc.tuple(fc.constant(list), shuffled(list))), ([one, other]) => {
    t.strictSame(heldBy(other), heldBy(one))
  }), { numRuns: 300 })
})

t.test('nor does who has told whom: what two hold, put together, is what one holds that has heard all', async t => {
  fc.assert(fc.property(entries, entries, entries, (a, b, c) => {
    const merged = (...parts: Entry[][]): Entry[] => {
      const records = new Records()
      for (const entry of parts.flat()) records.merge(entry)
      return [...records]
    }
    const all = heldBy([...a, ...b, ...c])
    t.strictSame(heldBy([...merged(merged(a, b), c)]), all)
    t.strictSame(heldBy([...merged(a, merged(b, c))]), all)
    t.strictSame(heldBy([...merged(merged(c, b, a), merged(b))]), all)
  }), { numRuns: 300 })
})

t.test('whoever has heard of a change makes the later one, however slow his clock is', async t => {
  const fast = new VersionClock(() => 5_000, 1)
  const slow = new VersionClock(() => 1_000, 2)
  const first = fast.next()
  t.ok(slow.next() < first, 'of two that know nothing of each other, time decides')
  slow.saw(first)
  const second = slow.next()
  t.ok(second > first)
  t.equal(timeOf(second), 5_000)
  fast.saw(second)
  const third = fast.next()
  t.ok(third > second)
  slow.saw(second)
  slow.saw(third)
  t.ok(slow.next() > third)
  t.ok(slow.isOurs(second))
  t.notOk(fast.isOurs(second))
})

t.test('versions rise when time stands still, for as long as it does', async t => {
  const clock = new VersionClock(() => 1_000, 1)
  let last = ''
  for (let i = 0; i < 100_002; i++) {
    const next = clock.next()
    if (next <= last || !isVersion(next)) t.fail(next)
    last = next
  }
  t.equal(timeOf(last), 1_001)
})

t.test('what was said of a target before it was removed, or added anew, does not count any more', async t => {
  const clock = new VersionClock(() => 1_000, 1)
  const of = (what: Entry['what'], value: unknown): Entry => entry({ upstream: 'shop', what, id: 'a' }, clock.next(), value)
  const records = new Records()
  const [weight, removal, state, added] = [of('weight', 2), of('target', { drainMs: 0 }), of('state', 'drain'), of('target', { url: 'http://a' })]
  t.strictSame([weight, state, removal].map(entry => records.merge(entry)), [true, true, true])
  t.strictSame([...records].map(({ what }) => what), ['state', 'target'])
  t.equal(records.merge(weight), false)
  records.merge(added)
  t.strictSame([...records].map(({ what }) => what), ['target'])
})

t.test('removals are forgotten after a time, and nothing else is', async t => {
  let now = 1_000
  const clock = new VersionClock(() => now, 1)
  const records = new Records()
  const removal = entry({ upstream: 'shop', what: 'target', id: 'a' }, clock.next(), { drainMs: 0 })
  records.merge(removal)
  records.merge(entry({ upstream: 'shop', what: 'weight', id: 'b' }, clock.next(), 3))
  records.forget(1_000)
  t.equal([...records].length, 2)
  now += DAY
  t.ok(isOld(removal, now))
  records.forget(now)
  t.strictSame([...records].map(({ key }) => key), ['shop/weight/b'])
})

t.test('what a store has is read back; what is none of ours is nothing', async t => {
  const version = new VersionClock(() => 1_000, 1).next()
  const one = entry({ upstream: 'shop.v-2_x', what: 'tags', id: 'http://[::1]:80/a\nb' }, version, { zone: 'eu' })
  t.strictSame(read(one.key, written(one)), one)
  for (const [key, text] of [
    ['shop/weight/a', 'nonsense'],
    ['shop/weight/a', '3'],
    ['shop/weight/a', 'null'],
    ['shop/weight/a', '{"version":"12","value":3}'],
    ['shop/weight/a', `{"version":"9${version.slice(1)}","value":3}`],
    ['shop/health/a', written(one)],
    ['shop', written(one)],
    ['', written(one)]
  ] as const) t.equal(read(key, text), undefined, `${key} ${text}`)
})
