/** Sets of many thousands of targets come in steps: the event loop turns in between, and what is there at each moment is good to use. */
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { leastRequests } from '../../lib/balancing/policies/least-requests.js'
import { discovering, Feed, type Discovering } from '../helpers/discovering.js'
import { until } from '../helpers/wait.js'

const STEP = 5_000
const MANY = 12_000

const urlOf = (i: number): string => `http://10.0.0.1:${i + 1_000}`
const set = (from: number, to: number, more?: object): Array<object | string> =>
  Array.from({ length: to - from }, (_, i) => more === undefined ? urlOf(from + i) : { url: urlOf(from + i), ...more })

/** How many events there were in one turn of the event loop, at most. */
function watched ({ upstream }: Discovering): { most: () => number, turns: () => number, stop: () => void } {
  let now = 0
  let most = 0
  let turns = 0
  const watch = { going: true }
  for (const event of ['added', 'changed', 'removed'] as const) upstream.on(`target:${event}`, () => { most = Math.max(most, ++now) })
  void (async () => {
    while (watch.going) {
      await turn()
      if (now > 0) turns++
      now = 0
    }
  })()
  return { most: () => most, turns: () => turns, stop: () => { watch.going = false } }
}

const idsInOrder = (from: number, to: number): string => set(from, to).join(' ')

t.test('they come, change, are exchanged and go, some thousands in a turn, and tables are made once a step', async t => {
  const feed = new Feed()
  let updates = 0
  const found = discovering(t, feed, {
    policy: tools => {
      const policy = leastRequests(tools)
      return { ...policy, update: all => { updates++; policy.update!(all) } }
    }
  })
  const seen = watched(found)
  t.teardown(seen.stop)
  updates = 0
  feed.put(set(0, MANY))
  await found.resolved(1)
  t.equal(found.ids(), idsInOrder(0, MANY))
  t.ok(updates <= 4, `${updates} updates of the policy for ${MANY} targets`)
  t.ok(seen.turns() >= 3)

  const some = found.upstream.targets.get(urlOf(11_000))
  feed.put(set(0, MANY, { weight: 2 }))
  await found.resolved(2)
  t.ok([...found.upstream.targets.values()].every(({ weight }) => weight === 2))
  t.equal(found.upstream.targets.get(urlOf(11_000)), some, 'those who stay keep everything')

  feed.put([...set(6_000, 18_000)].reverse())
  await found.resolved(3)
  t.equal(found.ids(), [...set(6_000, 18_000)].reverse().join(' '), 'in the order of the set')
  t.equal(found.upstream.targets.get(urlOf(11_000)), some)

  updates = 0
  feed.put([...set(6_000, 18_000)].reverse())
  await found.resolved(4)
  t.equal(updates, 0, 'the same set again changes nothing')

  feed.put([urlOf(0)])
  await found.resolved(5)
  t.equal(found.ids(), urlOf(0))
  t.ok(seen.most() <= STEP, `${seen.most()} changes in a turn`)
})

t.test('one fault in a large set, and nothing is changed', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([urlOf(0)], [...set(0, MANY), { url: urlOf(MANY), weight: -1 }]))
  await found.failed(1)
  t.equal(found.discovery.snapshot().lastError, `targets[${MANY}].weight: expected 0 to 256, got -1`)
  t.equal(found.ids(), urlOf(0))
})

t.test('what is changed by hand in the meantime stays', async t => {
  const feed = new Feed()
  const found = discovering(t, feed)
  found.upstream.once('target:added', () => {
    setImmediate(() => {
      // After the first step, before the next.
      found.upstream.add({ id: urlOf(11_000), url: 'http://10.0.0.9' })
      void found.upstream.remove(urlOf(7))
      found.upstream.update(urlOf(8), { state: 'drain' })
    })
  })
  feed.put(set(0, MANY))
  await found.resolved(1)
  t.equal(found.upstream.targets.size, MANY - 1)
  t.equal(found.upstream.targets.get(urlOf(11_000))!.url, 'http://10.0.0.9')
  t.equal(found.ids().split(' ')[0], urlOf(11_000), 'what is not the source\'s comes first')
  t.equal(found.upstream.targets.get(urlOf(8))!.state, 'drain')
  t.strictSame(found.lines, [`warn: targets were found that have ids of others, and are left out: ${urlOf(11_000)}`])
  feed.put([])
  await found.has(urlOf(11_000))
})

t.test('an end in the middle leaves things as they are', async t => {
  const coming = discovering(t, new Feed().put(set(0, MANY)))
  await until(() => coming.upstream.targets.size > 0, 'the first step')
  coming.discovery.close()
  const { size } = coming.upstream.targets
  for (let i = 0; i < 10; i++) await turn()
  t.equal(coming.upstream.targets.size, size)

  const feed = new Feed()
  const going = discovering(t, feed.put(set(0, MANY)))
  await going.resolved(1)
  feed.put([])
  await until(() => going.upstream.targets.size < MANY, 'the first step')
  going.discovery.close()
  for (let i = 0; i < 10; i++) await turn()
  t.ok(going.upstream.targets.size > 0)

  const next = new Feed()
  const deciding = discovering(t, next.put(set(0, MANY)))
  await deciding.resolved(1)
  next.put([])
  // All that happens within this turn: it is known who goes, and nobody has gone.
  for (let i = 0; i < 100; i++) await null
  deciding.discovery.close()
  for (let i = 0; i < 10; i++) await turn()
  t.equal(deciding.upstream.targets.size, MANY)

  const checking = discovering(t, new Feed().put([...set(0, MANY), 'nonsense']))
  await turn()
  checking.discovery.close()
  for (let i = 0; i < 50; i++) await turn()
  t.match(checking.discovery.snapshot(), { resolves: 0, failures: 0 })
})

t.test('with probes, many that go stay until one of many that come has passed; whoever is found again meanwhile does not go', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put(set(0, MANY)), { pending: true })
  const { balancer } = found.upstream
  await found.resolved(1)
  for (const target of balancer.all) balancer.setHealth(target, 'healthy')
  feed.put(set(MANY, 2 * MANY))
  await found.resolved(2)
  t.equal(balancer.all.length, 2 * MANY)
  balancer.setHealth(balancer.byId.get(urlOf(0))!, 'unhealthy')
  balancer.setHealth(balancer.byId.get(urlOf(0))!, 'healthy')
  for (let i = 0; i < 100; i++) balancer.setHealth(balancer.byId.get(urlOf(MANY + i))!, 'unhealthy')
  t.equal(balancer.all.length, 2 * MANY, 'so long as some of them are fit, and none of the others')
  // The first step of those who go is made at once; then the source has some of them again.
  const kept = balancer.byId.get(urlOf(MANY - 1))
  balancer.setHealth(balancer.byId.get(urlOf(MANY))!, 'healthy')
  t.equal(balancer.all.length, 2 * MANY - STEP)
  feed.put(set(MANY - 10, MANY + 10))
  await found.resolved(3)
  t.equal(found.ids(), idsInOrder(MANY - 10, MANY + 10))
  t.equal(balancer.byId.get(urlOf(MANY - 1)), kept)
})
