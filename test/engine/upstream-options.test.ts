import t from 'tap'
import { checkEngine, engineFields, type EngineSettings } from '../../lib/engine/upstream-options.js'
import { checked, object } from '../../lib/options.js'
import { FakeClock } from '../helpers/clock.js'
import { matchLines } from '../helpers/lines.js'

const engineOptions = object<EngineSettings>(engineFields)
const settings = (options: object): EngineSettings => checked(engineOptions, options, 'shop')

function faultsOf (options: object): string[] {
  const faults: string[] = []
  const checkedSettings = engineOptions(options, 'shop', faults)
  if (faults.length === 0) checkEngine(checkedSettings, 'shop', faults)
  return faults
}

t.test('slow start is off, on with its defaults, or as it is given', async t => {
  t.equal(settings({}).slowStart, false)
  t.equal(settings({ slowStart: false }).slowStart, false)
  t.strictSame(settings({ slowStart: true }).slowStart, { window: 30_000, aggression: 1, floor: 0.1 })
  t.strictSame(settings({ slowStart: { window: 10 } }).slowStart, { window: 10, aggression: 1, floor: 0.1 })
})

t.test('requests above a limit wait in a queue, unless it is disabled', async t => {
  t.strictSame(settings({}).limits.queue, { size: 1_024, timeout: 5_000 })
  t.strictSame(settings({ limits: { maxRequests: 4 } }).limits.queue, { size: 1_024, timeout: 5_000 })
  t.strictSame(settings({ limits: { queue: { size: 10 } } }).limits.queue, { size: 10, timeout: 5_000 })
  t.strictSame(settings({ limits: { queue: false } }).limits.queue, { size: 0, timeout: 5_000 })
  t.strictSame(settings({ limits: { queue: true } }).limits.queue, { size: 1_024, timeout: 5_000 })
  matchLines(t, faultsOf({ limits: { queue: null } }), ['shop.limits.queue: expected an object, got null'])
})

t.test('a clock of the user\'s own may have more than is asked for', async t => {
  const clock = new FakeClock()
  const { now, timers } = settings({ now: clock.now, timers: clock })
  t.equal(now, clock.now)
  t.equal(timers, clock)
})

t.test('every fault is told, with its path', async t => {
  for (const [options, fault] of [
    [{ policy: 'quickest' }, /^shop\.policy: expected a policy: .*least-requests.*, got "quickest" \(string\)$/],
    [{ retry: 3 }, 'shop.retry: expected an object, got 3'],
    [{ timeouts: { connect: '2 s' } }, 'shop.timeouts.connect: expected milliseconds, 0 to 2147483647, or text such as "5s" or "500ms", got "2 s" (string)'],
    [{ limits: { maxRequests: 0 } }, 'shop.limits.maxRequests: expected a whole number from 1, got 0'],
    [{ slowStart: 'yes' }, 'shop.slowStart: expected an object, got "yes" (string)'],
    [{ spill: 'soft' }, "shop.spill: expected 'gradual' or 'hard', got \"soft\" (string)"],
    [{ panic: 'never' }, "shop.panic: expected 'fail-open' or 'fail-closed', got \"never\" (string)"],
    [{ panicThreshold: 2 }, 'shop.panicThreshold: expected 0 to 1, got 2'],
    [{ pool: { connections: 0 } }, 'shop.pool.connections: expected a whole number from 1, got 0'],
    [{ random: 4 }, 'shop.random: expected a function, got 4'],
    [{ now: new Date(0) }, 'shop.now: expected a function, got an object'],
    [{ timers: {} }, 'shop.timers: expected an object with the methods after and cancel, got an object'],
    [{ timers: { after () {} } }, 'shop.timers: expected an object with the methods after and cancel, got an object'],
    [{ timers: null }, 'shop.timers: expected an object with the methods after and cancel, got null']
  ] as const) {
    matchLines(t, faultsOf(options), [fault])
  }
})

t.test('no target may have more requests at once than its pool has connections: they would wait unseen', async t => {
  const why = 'requests would wait inside the pool, where nothing watches over them'
  const pool = { connections: 10 }
  const url = 'http://a'
  t.strictSame(faultsOf({ pool, limits: { maxRequests: 10 }, targets: [{ url, limits: { maxRequests: 10 } }] }), [])
  t.strictSame(faultsOf({ limits: { maxRequests: Infinity }, targets: [{ url, limits: { maxRequests: 1e6 } }] }), [])
  t.strictSame(faultsOf({ pool, limits: { maxRequests: 11 }, targets: [url, { url, id: 'b', limits: { maxRequests: Infinity } }] }), [
    `shop.limits.maxRequests: expected at most pool.connections (10), got 11; ${why}`,
    `shop.targets[1].limits.maxRequests: expected at most pool.connections (10), got Infinity; ${why}`
  ])
})
