import t from 'tap'
import { checked } from '../../lib/options.js'
import { splitOption, type Shares, type SplitOption } from '../../lib/plugin/split.js'
import { seededRandom } from '../helpers/clock.js'
import { tally, targetsOf } from '../helpers/core.js'

const splitOf = (option: SplitOption) => checked(splitOption, option, 'split')

function faultsOf (value: unknown): string[] {
  const faults: string[] = []
  splitOption(value, 'split', faults)
  return faults
}

t.test('New clients are drawn by the shares', async t => {
  const split = splitOf({ v1: 90, v2: 10 })
  const random = seededRandom(1)
  const drawn = tally(Array.from({ length: 10_000 }, () => split.tagsFor(undefined, random)!.version!))
  // Five standard deviations of sqrt(10,000 × 0.9 × 0.1) = 30.
  t.ok(Math.abs(drawn['v2']! - 1_000) < 150, JSON.stringify(drawn))
})

t.test('The draws at the edges of the shares', async t => {
  const split = splitOf({ none: 0, v1: 1, v2: 3, nobody: 0 })
  t.same([0, 0.2499, 0.25, 0.9999].map(point => split.tagsFor(undefined, () => point)), ['v1', 'v1', 'v2', 'v2'].map(version => ({ version })))
  t.same(split.tagsFor(undefined, () => 1), { version: 'v2' }, 'where rounding leaves nobody, the last')
})

t.test('A client stays with the version of its target, also when that gets no new ones', async t => {
  const [target] = targetsOf(1)
  const split = splitOf({ v1: 0, v2: 100 })
  for (const [version, expected] of [['v1', 'v1'], ['v2', 'v2'], ['v3', 'v2'], [undefined, 'v2']] as const) {
    target!.config = { ...target!.config, tags: version === undefined ? {} : { version } }
    t.same(split.tagsFor(target, () => 0.5), { version: expected }, version ?? 'none')
  }
})

t.test('Another tag, another fallback, and shares that change', async t => {
  let shares: Shares = { blue: 1, green: 0 }
  const split = splitOf({ tag: 'colour', shares: () => shares, fallback: 'none' })
  t.equal(split.fallback, 'none')
  t.equal(splitOf({ v1: 1 }).fallback, 'any')
  t.same(split.tagsFor(undefined, () => 0.5), { colour: 'blue' })
  shares = { blue: 0, green: 1 }
  t.same(split.tagsFor(undefined, () => 0.5), { colour: 'green' })
  shares.green = 0
  t.equal(split.tagsFor(undefined, () => 0.5), undefined, 'set to nothing in place: anybody')
  shares = { blue: -1 }
  t.throws(() => split.tagsFor(undefined, () => 0.5), { code: 'FST_LB_INVALID_OPTIONS' })
})

t.test('A version may be called as an option is', async t => {
  t.same(splitOf({ shares: 1, tag: 1 } as never).tagsFor(undefined, () => 0.9), { version: 'tag' })
})

t.test('Options that are wrong are told', async t => {
  const expected = 'expected numbers by version, as { v1: 90, v2: 10 }, of which one at least is above 0'
  for (const wrong of [{}, { v1: 0 }, { v1: -1, v2: 2 }, { v1: '90' }, { v1: NaN }, { v1: Infinity }]) t.same(faultsOf(wrong), [`split: ${expected}, got an object`])
  t.same(faultsOf('v1'), [`split: ${expected}, got "v1" (string)`])
  t.same(faultsOf({ shares: { v1: 0 }, tag: '', fallback: 'v1', more: 1 }), [
    'split.more: unknown option; known are tag, shares, fallback',
    'split.tag: expected a string that is not empty, got "" (string)',
    `split.shares: ${expected}, got an object`,
    "split.fallback: expected 'any' or 'none', got \"v1\" (string)"
  ])
})
