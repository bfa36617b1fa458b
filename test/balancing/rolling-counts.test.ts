import t from 'tap'
import { RollingCounts } from '../../lib/balancing/rolling-counts.js'
import { seededRandom } from '../helpers/clock.js'

t.test('What happened in the window is counted, failures apart', async t => {
  const rate = new RollingCounts(10_000, 0)
  rate.add(0, 1, 1)
  rate.add(500, 1, 0)
  rate.add(9_000, 1, 1)
  t.match(rate, { total: 3, marked: 2 })
})

t.test('What is older than the window is forgotten, a tenth of the window at a time', async t => {
  const rate = new RollingCounts(10_000, 0)
  rate.add(0, 1, 1)
  rate.add(999, 1, 1)
  rate.add(1_000, 1, 1)
  rate.add(9_999, 1, 0)
  t.match(rate, { total: 4, marked: 3 })
  rate.add(10_000, 1, 0)
  t.match(rate, { total: 3, marked: 1 })
  rate.add(11_000, 1, 0)
  t.match(rate, { total: 3, marked: 0 })
})

t.test('After a pause longer than the window nothing is left of before', async t => {
  for (const pause of [10_000, 10_999, 20_000, 123_456_789]) {
    const rate = new RollingCounts(10_000, 0)
    for (let now = 0; now < 10_000; now += 100) rate.add(now, 1, 1)
    rate.add(9_999 + pause, 1, 1)
    t.match(rate, { total: 1, marked: 1 }, String(pause))
  }
})

t.test('It may begin at any time, and a window need not be a multiple of ten', async t => {
  for (const [window, begin] of [[10_000, 1_700_000_000_123], [7, 3.5], [1, 1_700_000_000_000], [12_345, 0.25]] as const) {
    const rate = new RollingCounts(window, begin)
    rate.add(begin, 1, 1)
    rate.add(begin + window * 0.85, 1, 0)
    t.match(rate, { total: 2, marked: 1 })
    rate.add(begin + window * 1.05, 1, 0)
    t.match(rate, { total: 2, marked: 0 })
  }
})

t.test('Once cleared, it counts from nothing', async t => {
  const rate = new RollingCounts(10_000, 0)
  for (let now = 0; now < 10_000; now += 500) rate.add(now, 1, now % 1000 === 0 ? 1 : 0)
  rate.clear()
  t.match(rate, { total: 0, marked: 0 })
  rate.add(12_000, 1, 1)
  rate.add(21_900, 1, 0)
  t.match(rate, { total: 2, marked: 1 })
  rate.add(22_000, 1, 0)
  t.match(rate, { total: 2, marked: 0 })
})

t.test('Whatever happens when, the counts are those of the last ten tenths', async t => {
  const random = seededRandom(6)
  const rate = new RollingCounts(1_000, 5_000)
  const events: Array<{ tenth: number, total: number, marked: number }> = []
  const faults: string[] = []
  let now = 5_000
  for (let i = 0; i < 5_000; i++) {
    now += random() < 0.05 ? random() * 3_000 : random() * 30
    const total = random() < 0.7 ? 1 : 0
    const marked = random() < 0.4 ? 1 : 0
    rate.add(now, total, marked)
    events.push({ tenth: Math.floor(now / 100), total, marked })
    const recent = events.filter(({ tenth }) => tenth > Math.floor(now / 100) - 10)
    const expected = { total: sum(recent.map(({ total }) => total)), marked: sum(recent.map(({ marked }) => marked)) }
    if (rate.total !== expected.total || rate.marked !== expected.marked) faults.push(`${rate.marked} of ${rate.total} instead of ${expected.marked} of ${expected.total}`)
    if (i % 200 === 0) {
      rate.clear()
      events.length = 0
    }
  }
  t.strictSame(faults.slice(0, 5), [])
})

function sum (numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
