import t from 'tap'
import { RecentLatencies } from '../../lib/prequal-target/recent-latencies.js'

function stage (): { clock: { now: number }, latencies: RecentLatencies } {
  const clock = { now: 10_000 }
  return { clock, latencies: new RecentLatencies(() => clock.now) }
}

t.test('Nothing is known before the first answer', async t => {
  t.equal(stage().latencies.estimate(0), 0)
})

t.test('The median of what requests took that came when there were about as many', async t => {
  const { latencies } = stage()
  for (let i = 0; i < 16; i++) {
    latencies.add(0, 10)
    latencies.add(5, 50)
    latencies.add(6, 60)
    latencies.add(20, 200)
  }
  t.equal(latencies.estimate(0), 10)
  t.equal(latencies.estimate(5), 50)
  t.equal(latencies.estimate(6), 60)
  t.equal(latencies.estimate(2), 10, 'the nearest level there is')
  t.equal(latencies.estimate(12), 60)
  t.equal(latencies.estimate(500), 200)
})

t.test('With few answers, those of other levels count, too', async t => {
  const { latencies } = stage()
  for (const [level, ms] of [[0, 10], [3, 30], [4, 40]] as const) latencies.add(level, ms)
  t.equal(latencies.estimate(4), 30)
})

t.test('Only the last sixteen of a level', async t => {
  const { latencies } = stage()
  for (let i = 0; i < 100; i++) latencies.add(2, 500)
  for (let i = 0; i < 16; i++) latencies.add(2, 20)
  t.equal(latencies.estimate(2), 20)
})

t.test('Answers go out of date after half a second; the last of all fades by the second', async t => {
  const { clock, latencies } = stage()
  latencies.add(0, 80)
  clock.now += 100
  latencies.add(0, 40)
  clock.now += 450
  t.equal(latencies.estimate(0), 40)
  clock.now += 550
  t.equal(latencies.estimate(0), 20, 'a second after the last')
  clock.now += 2_000
  t.equal(latencies.estimate(0), 5)
})

t.test('Any number of requests at once', async t => {
  const { latencies } = stage()
  latencies.add(1_000_000, 70)
  t.equal(latencies.estimate(2_000_000), 70)
})
