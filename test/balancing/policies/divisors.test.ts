import t from 'tap'
import { evenStep, greatestCommonDivisor } from '../../../lib/balancing/policies/divisors.js'

t.test('The greatest common divisor', async t => {
  t.equal(greatestCommonDivisor(12, 18), 6)
  t.equal(greatestCommonDivisor(7, 5), 1)
  t.equal(greatestCommonDivisor(0, 5), 5)
})

t.test('Even steps meet every position once before any twice, and the first few are spread over all', async t => {
  for (const n of [129, 130, 200, 256, 1000, 1024, 9973, 10_000]) {
    const step = evenStep(n)
    const seen = new Uint8Array(n)
    for (let i = 0, at = 0; i < n; i++, at = (at + step) % n) {
      if (i === 128) {
        const tenths = new Set<number>()
        seen.forEach((times, position) => { if (times > 0) tenths.add(Math.floor(10 * position / n)) })
        t.equal(tenths.size, 10, `${n}: in every tenth after 128 steps`)
      }
      seen[at]!++
    }
    t.ok(seen.every(times => times === 1), `${n} by ${step}`)
  }
})
