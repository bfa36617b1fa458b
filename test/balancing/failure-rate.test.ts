import t from 'tap'
import { FailureRate } from '../../lib/balancing/failure-rate.js'
import { seededRandom } from '../helpers/clock.js'

t.test('What happened in the window is counted, failures apart', async t => {
  const rate = new FailureRate(10_000, 0)
  rate.add(0, true)
  rate.add(500, false)
  rate.add(9_000, true)
  t.match(rate, { total: 3, failed: 2 })
})

t.test('What is older than the window is forgotten, a tenth of the window at a time', async t => {
  const rate = new FailureRate(10_000, 0)
  rate.add(0, true)
  rate.add(999, true)
  rate.add(1_000, true)
  rate.add(9_999, false)
  t.match(rate, { total: 4, failed: 3 })
  rate.add(10_000, false)
  t.match(rate, { total: 3, failed: 1 })
  rate.add(11_000, false)
  t.match(rate, { total: 3, failed: 0 })
})

t.test('After a pause longer than the window nothing is left of before', async t => {
  for (const pause of [10_000, 10_999, 20_000, 123_456_789]) {
    const rate = new FailureRate(10_000, 0)
    for (let now = 0; now < 10_000; now += 100) rate.add(now, true)
    rate.add(9_999 + pause, true)
    t.match(rate, { total: 1, failed: 1 }, String(pause))
  }
})

t.test('It may begin at any time, and a window need not be a multiple of ten', async t => {
  for (const [window, begin] of [[10_000, 1_700_000_000_123], [7, 3.5], [1, 1_700_000_000_000], [12_345, 0.25]] as const) {
    const rate = new FailureRate(window, begin)
    rate.add(begin, true)
    rate.add(begin + window * 0.85, false)
    t.match(rate, { total: 2, failed: 1 })
    rate.add(begin + window * 1.05, false)
    t.match(rate, { total: 2, failed: 0 })
  }
})

t.test('Once cleared, it counts from nothing', async t => {
  const rate = new FailureRate(10_000, 0)
  for (let now = 0; now < 10_000; now += 500) rate.add(now, now % 1000 === 0)
  rate.clear(12_000)
  t.match(rate, { total: 0, failed: 0 })
  rate.add(12_000, true)
  rate.add(21_900, false)
  t.match(rate, { total: 2, failed: 1 })
  rate.add(22_000, false)
  t.match(rate, { total: 2, failed: 0 })
})

t.test('Whatever happens when, the counts are those of the last ten tenths', async t => {
  const random = seededRandom(6)
  const rate = new FailureRate(1_000, 5_000)
  const events: Array<{ tenth: number, failed: boolean }> = []
  let now = 5_000
  for (let i = 0; i < 5_000; i++) {
    now += random() < 0.05 ? random() * 3_000 : random() * 30
    const failed = random() < 0.4
    rate.add(now, failed)
    events.push({ tenth: Math.floor(now / 100), failed })
    const recent = events.filter(({ tenth }) => tenth > Math.floor(now / 100) - 10)
    const failures = recent.filter(({ failed }) => failed).length
    if (rate.total !== recent.length || rate.failed !== failures) t.fail(`${rate.failed} of ${rate.total} instead of ${failures} of ${recent.length}`)
    if (i % 200 === 0) {
      rate.clear(now)
      events.length = 0
    }
  }
})
