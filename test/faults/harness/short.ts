/** A scenario in its short form, as a test. */
import t from 'tap'
import type { Scenario } from '../scenarios/scenario.js'

const SCALE = 0.01

export function shortly (...scenarios: Scenario[]): void {
  for (const { fault, allowed, unavailable, run } of scenarios) {
    const skip = unavailable?.()
    if (skip !== undefined) console.error(`NOT TESTED HERE: ${fault}: ${skip}`)
    t.test(`${fault}: ${allowed}`, { skip: skip ?? false }, async t => {
      const { measured, broken } = await run(SCALE, 1)
      t.comment(measured)
      t.strictSame(broken, [])
    })
  }
}
