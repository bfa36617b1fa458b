/** A scenario in its short form, as a test. */
import t from 'tap'
import type { Scenario } from '../scenarios/scenario.js'

const SCALE = 0.01

export function shortly (...scenarios: Scenario[]): void {
  for (const { fault, allowed, run } of scenarios) {
    t.test(`${fault}: ${allowed}`, async t => {
      const { measured, broken } = await run(SCALE, 1)
      t.comment(measured)
      t.strictSame(broken, [])
    })
  }
}
