import t from 'tap'
import { Ejection, ejectionOptions } from '../../lib/balancing/ejection.js'
import type { Outcome } from '../../lib/balancing/outcome.js'
import { checked, defaultsOf } from '../../lib/options.js'
import { Core, defaultRules, type CoreOptions } from '../helpers/core.js'

function setup (count: number, options: CoreOptions = {}): Core {
  return new Core(Object.fromEntries(Array.from({ length: count }, (_, i) => [String.fromCharCode(97 + i), {}])), options)
}

// ---- the options ------------------------------------------------------------------------------------------------------

t.test('The options have defaults', async t => {
  t.same(defaultsOf(ejectionOptions), {
    consecutiveFailures: 5,
    failureRate: 0.5,
    window: 10_000,
    minimumRequests: 20,
    ejectionTime: 10_000,
    maxEjectionTime: 300_000,
    maxEjected: 0.5,
    failureStatuses: [502, 503, 504],
    restoredByProbe: false
  })
})

t.test('The options have limits', async t => {
  const wrong = {
    consecutiveFailures: 0,
    failureRate: 1.1,
    window: 0,
    minimumRequests: 0.5,
    ejectionTime: 0,
    maxEjectionTime: 2 ** 31,
    maxEjected: -0.1,
    failureStatuses: [99, 600],
    restoredByProbe: 'yes'
  }
  t.throws(() => checked(ejectionOptions, wrong, 'passive'), {
    message: [
      'passive.consecutiveFailures: expected a whole number from 1, got 0',
      'passive.failureRate: expected 0 to 1, got 1.1',
      'passive.window: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
      'passive.minimumRequests: expected a whole number from 1, got 0.5',
      'passive.ejectionTime: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
      'passive.maxEjectionTime: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 2147483648',
      'passive.maxEjected: expected 0 to 1, got -0.1',
      'passive.failureStatuses[0]: expected 100 to 599, got 99',
      'passive.failureStatuses[1]: expected 100 to 599, got 600',
      'passive.restoredByProbe: expected true or false, got "yes" (string)'
    ].join('\n')
  })
})

// ---- what ejects ------------------------------------------------------------------------------------------------------

t.test('Five failures in a row eject', async t => {
  const core = setup(2)
  core.attempt('a', 'timeout', { times: 4 })
  t.equal(core.standings(), 'a in, b in')
  core.attempt('a', 'reset')
  t.equal(core.standings(), 'a out, b in')
  t.same(core.events, ['ejected a: 5 failures in a row, the last: reset'])
  t.equal(core.picks(3), 'b b b')
})

t.test('Five of a kind are told as such, for as long as the target is out', async t => {
  const core = setup(2)
  core.attempt('a', 'timeout')
  core.attempt('a', 'success')
  core.attempt('a', 'bad-status', { times: 5, status: 502 })
  t.same(core.events, ['ejected a: 5 × status 502'])
  t.equal(core.target('a').ejection.reason, '5 × status 502')
  core.clock.advance(10_000)
  core.attempt('a', 'success')
  t.equal(core.target('a').ejection.reason, undefined)
})

t.test('A success in between begins the row anew', async t => {
  const core = setup(2)
  core.attempt('a', 'timeout', { times: 4 })
  core.attempt('a', 'success')
  core.attempt('a', 'timeout', { times: 4 })
  t.equal(core.standings(), 'a in, b in')
  core.attempt('a', 'timeout')
  t.equal(core.standings(), 'a out, b in')
})

for (const outcome of ['connect-failure', 'timeout', 'reset', 'malformed', 'bad-status'] as Outcome[]) {
  t.test(`Each ${outcome} is a failure`, async t => {
    const core = setup(2)
    core.attempt('a', outcome, { times: 5, status: 503 })
    t.equal(core.standings(), 'a out, b in')
    t.equal(core.target('a').failures, 5)
  })
}

for (const outcome of ['client-aborted', 'client-fault', 'abandoned'] as Outcome[]) {
  t.test(`No ${outcome} ever counts, neither against a target nor for it`, async t => {
    const core = setup(2)
    core.attempt('a', outcome, { times: 1000 })
    t.equal(core.standings(), 'a in, b in')
    t.equal(core.target('a').failures, 0)
    core.attempt('a', 'timeout', { times: 4 })
    core.attempt('a', outcome)
    t.equal(core.target('a').ejection.consecutive, 4, 'the row is not broken')
    core.attempt('a', 'timeout')
    t.equal(core.standings(), 'a out, b in')
  })
}

t.test('A connection that died idle just as it was used again never counts', async t => {
  const core = setup(2)
  core.attempt('a', 'reset', { times: 1000, blameless: true })
  t.equal(core.standings(), 'a in, b in')
  t.equal(core.target('a').failures, 0)
})

t.test('Statuses count only if they are among those that count', async t => {
  const core = setup(2, { ejection: { failureStatuses: [500] } })
  core.attempt('a', 'bad-status', { times: 100, status: 503 })
  t.equal(core.standings(), 'a in, b in')
  core.attempt('a', 'bad-status', { times: 5, status: 500 })
  t.equal(core.standings(), 'a out, b in')
})

t.test('Half of the attempts in the window ejects, from 20 attempts on', async t => {
  const core = setup(2)
  for (let i = 0; i < 9; i++) {
    core.attempt('a', 'success')
    core.attempt('a', 'timeout')
  }
  core.attempt('a', 'success')
  t.equal(core.standings(), 'a in, b in', 'nineteen')
  core.attempt('a', 'timeout')
  t.equal(core.standings(), 'a out, b in')
  t.same(core.events, ['ejected a: 10 of 20 attempts failed, the last: timeout'])
})

t.test('Less than half of the attempts does not eject', async t => {
  const core = setup(2)
  for (let i = 0; i < 100; i++) {
    core.attempt('a', 'success', { times: 2 })
    core.attempt('a', 'timeout')
  }
  t.equal(core.standings(), 'a in, b in')
})

t.test('Attempts before the window do not count in the share', async t => {
  const core = setup(2)
  core.attempt('a', 'success', { times: 100 })
  core.clock.advance(10_000)
  for (let i = 0; i < 10; i++) {
    core.attempt('a', 'success')
    core.attempt('a', 'timeout')
  }
  t.equal(core.standings(), 'a out, b in')
})

t.test('A failure rate of 0 switches that rule off', async t => {
  const core = setup(2, { ejection: { failureRate: 0 } })
  for (let i = 0; i < 100; i++) {
    core.attempt('a', 'success')
    core.attempt('a', 'timeout', { times: 4 })
  }
  t.equal(core.standings(), 'a in, b in')
  core.attempt('a', 'timeout', { times: 5 })
  t.equal(core.standings(), 'a out, b in')
})

t.test('Switched off, nothing ejects', async t => {
  const core = setup(2, { ejection: false })
  core.attempt('a', 'connect-failure', { times: 1000 })
  t.equal(core.standings(), 'a in, b in')
  t.equal(core.target('a').failures, 1000)
  core.attempt('a', 'bad-status', { status: 503 })
  t.equal(core.target('a').failures, 1000, 'no status counts')
})

t.test('Switched off, a target has nothing to count', async t => {
  const ejection = new Ejection(false, 0)
  for (let i = 0; i < 100; i++) t.equal(ejection.failed(i, 'reset'), undefined)
  ejection.succeeded(100)
  t.equal(ejection.admits, true)
})

// ---- who must stay ----------------------------------------------------------------------------------------------------

t.test('A single target is never ejected', async t => {
  const core = setup(1)
  core.attempt('a', 'connect-failure', { times: 1000 })
  t.equal(core.standings(), 'a in')
  t.equal(core.picks(1), 'a')
})

t.test('The last one in is never ejected', async t => {
  const core = setup(3, { ejection: { maxEjected: 1 } })
  core.eject('a', 'b', 'c')
  t.equal(core.standings(), 'a out, b out, c in')
})

t.test('One that is on trial is no reason to eject the last one in', async t => {
  const core = setup(2)
  core.eject('a')
  core.clock.advance(10_000)
  t.equal(core.standings(), 'a trial, b in')
  core.eject('b')
  t.equal(core.standings(), 'a trial, b in')
})

for (const [what, change] of [
  ['unhealthy', core => { core.balancer.setHealth(core.target('b'), 'unhealthy') }],
  ['draining', core => { core.balancer.update(core.target('b'), { state: 'drain' }) }],
  ['in maintenance', core => { core.balancer.update(core.target('b'), { state: 'maintenance' }) }],
  ['of weight 0', core => { core.balancer.update(core.target('b'), { weight: 0 }) }]
] as Array<[string, (core: Core) => void]>) {
  t.test(`One that is ${what} is no reason to eject the last one in`, async t => {
    const core = setup(2)
    change(core)
    core.eject('a')
    t.equal(core.standings(), 'a in, b in')
  })
}

t.test('The last one in goes at its next failure when another has come back', async t => {
  const core = setup(2)
  core.eject('a', 'b')
  t.equal(core.standings(), 'a out, b in')
  core.clock.advance(10_000)
  core.attempt('a', 'success')
  t.equal(core.standings(), 'a in, b in')
  core.attempt('b', 'connect-failure')
  t.equal(core.standings(), 'a in, b out')
})

for (const outcome of ['timeout', 'bad-status', 'reset', 'malformed'] as Outcome[]) {
  t.test(`No more than half of the targets are ejected for ${outcome}`, async t => {
    const core = setup(5)
    for (const id of ['a', 'b', 'c', 'd']) core.attempt(id, outcome, { times: 5, status: 503 })
    t.equal(core.standings(), 'a out, b out, c in, d in, e in')
  })
}

t.test('One of two or of three may always be ejected', async t => {
  for (const [count, maxEjected] of [[2, 0], [3, 0], [3, 0.3]] as const) {
    const core = setup(count, { ejection: { maxEjected } })
    for (const { id } of core.balancer.all) core.attempt(id, 'timeout', { times: 5 })
    t.equal(core.balancer.all.filter(({ ejection }) => ejection.standing === 'out').length, 1)
  }
})

t.test('One that cannot be connected to is ejected beyond that share, and does not count in it', async t => {
  const core = setup(5, { ejection: { maxEjected: 0.2 } })
  core.attempt('a', 'timeout', { times: 5 })
  core.attempt('b', 'timeout', { times: 5 })
  t.equal(core.standings(), 'a out, b in, c in, d in, e in')
  core.eject('c', 'd')
  t.equal(core.standings(), 'a out, b in, c out, d out, e in')

  const other = setup(5, { ejection: { maxEjected: 0.2 } })
  other.eject('a', 'b')
  other.attempt('c', 'timeout', { times: 5 })
  t.equal(other.standings(), 'a out, b out, c out, d in, e in')
})

t.test('Timeouts that most targets have are load: nobody is ejected for them, since the others would have still more', async t => {
  const core = setup(5)
  for (let i = 0; i < 50; i++) for (const id of 'abcde') core.attempt(id, i < 40 ? 'success' : 'timeout')
  t.equal(core.standings(), 'a in, b in, c in, d in, e in')
})

t.test('Who times out more than twice as often as most others is ejected, though they do, too', async t => {
  const core = setup(5)
  for (let i = 0; i < 50; i++) for (const id of 'abcde') core.attempt(id, id === 'a' || i % 3 === 0 ? 'timeout' : 'success')
  t.equal(core.standings(), 'a out, b in, c in, d in, e in')
})

t.test('Half of the targets or less that time out are no load', async t => {
  const core = setup(4)
  for (let i = 0; i < 6; i++) for (const id of 'abcd') core.attempt(id, id < 'c' ? 'timeout' : 'success')
  t.equal(core.standings(), 'a out, b out, c in, d in')
})

t.test('Where failures are not counted by their share, all that time out are taken one by one, up to half', async t => {
  const core = setup(4, { ejection: { failureRate: 0 } })
  for (let i = 0; i < 6; i++) for (const id of 'abcd') core.attempt(id, 'timeout')
  t.equal(core.standings(), 'a out, b out, c in, d in')
})

t.test('Bad statuses that all have eject half of them', async t => {
  const core = setup(4)
  for (let i = 0; i < 6; i++) for (const id of 'abcd') core.attempt(id, 'bad-status', { status: 503 })
  t.equal(core.standings(), 'a out, b out, c in, d in')
})

t.test('Trials count in that share', async t => {
  const core = setup(4, { ejection: { maxEjected: 0.25 } })
  core.attempt('a', 'timeout', { times: 5 })
  core.clock.advance(10_000)
  t.equal(core.standings(), 'a trial, b in, c in, d in')
  core.attempt('b', 'timeout', { times: 5 })
  t.equal(core.standings(), 'a trial, b in, c in, d in')
})

// ---- for how long -----------------------------------------------------------------------------------------------------

/** Lets it be ejected, and tells for how many seconds. */
function ejectedFor (core: Core, id: string): number {
  core.eject(id)
  return secondsLeft(core, id)
}

function secondsLeft (core: Core, id: string): number {
  return (core.target(id).ejection.until - core.clock.now()) / 1000
}

/** Waits for its trial, and passes it. */
function comeBack (core: Core, id: string): void {
  core.clock.advance(secondsLeft(core, id) * 1000)
  core.attempt(id, 'success')
}

t.test('Nobody is out a moment longer or shorter than the ejection lasts', async t => {
  const core = setup(2)
  core.eject('a')
  core.clock.advance(9_999)
  t.equal(core.picks(4), 'b b b b')
  core.clock.advance(1)
  t.match(core.picks(2), /a/)
})

t.test('Each further ejection is longer, up to the maximum', async t => {
  const core = setup(2, { ejection: { maxEjectionTime: 35_000 } })
  const seconds: number[] = []
  for (let i = 0; i < 5; i++) {
    seconds.push(ejectedFor(core, 'a'))
    comeBack(core, 'a')
  }
  t.same(seconds, [10, 20, 30, 35, 35])
})

t.test('A failed trial is a further ejection', async t => {
  const core = setup(2)
  t.equal(ejectedFor(core, 'a'), 10)
  core.clock.advance(10_000)
  core.attempt('a', 'timeout')
  t.equal(secondsLeft(core, 'a'), 20)
  core.clock.advance(20_000)
  core.attempt('a', 'bad-status', { status: 502 })
  t.equal(secondsLeft(core, 'a'), 30)
  t.same(core.events.slice(1), [
    'ejected a: the trial request failed: timeout',
    'ejected a: the trial request failed: status 502'
  ])
})

t.test('One step is forgiven for each ejection time that it has been well', async t => {
  const core = setup(2)
  for (let i = 0; i < 3; i++) {
    ejectedFor(core, 'a')
    comeBack(core, 'a')
  }
  core.clock.advance(19_999)
  t.equal(ejectedFor(core, 'a'), 30, 'one of three is forgiven')
  comeBack(core, 'a')
  core.clock.advance(20_000)
  t.equal(ejectedFor(core, 'a'), 20, 'two of three are forgiven')
  comeBack(core, 'a')
  core.clock.advance(3_600_000)
  t.equal(ejectedFor(core, 'a'), 10, 'never more than all')
})

t.test('The time on trial is not forgiven: nobody knows yet whether it is well', async t => {
  const core = setup(2)
  ejectedFor(core, 'a')
  core.clock.advance(10_000 + 60_000)
  core.attempt('a', 'timeout')
  t.equal(secondsLeft(core, 'a'), 20)
})

// ---- half-open --------------------------------------------------------------------------------------------------------

t.test('When its time is up, a target gets one request at a time', async t => {
  const core = setup(2)
  core.eject('a')
  core.clock.advance(10_000)
  const trial = core.begin('a')
  t.equal(core.picks(4), 'b b b b')
  trial.end({ outcome: 'client-aborted', durationMs: 1 })
  t.equal(core.standings(), 'a trial, b in', 'which decided nothing')
  t.match(core.picks(2), /a/, 'so that the next one is tried')
  core.attempt('a', 'success')
  t.equal(core.standings(), 'a in, b in')
  t.same(core.events.slice(1), ['restored a: the trial request succeeded'])
})

t.test('One success brings it back, and the failures of before are forgotten', async t => {
  const core = setup(2)
  core.eject('a')
  core.clock.advance(10_000)
  core.attempt('a', 'success')
  t.same({ ...core.target('a').ejection }, { standing: 'in', until: 0, consecutive: 0, trying: false, unreachable: false, shared: false, term: 2 })
  core.attempt('a', 'timeout', { times: 4 })
  t.equal(core.standings(), 'a in, b in')
})

t.test('The failure rate begins anew after an ejection', async t => {
  const core = setup(2, { ejection: { consecutiveFailures: 100, ejectionTime: 1000 } })
  core.attempt('a', 'timeout', { times: 20 })
  t.equal(core.standings(), 'a out, b in')
  core.clock.advance(1000)
  core.attempt('a', 'success')
  core.attempt('a', 'timeout', { times: 19 })
  t.equal(core.standings(), 'a in, b in')
})

t.test('A trial is decided at the headers: a stream that goes on holds nothing up', async t => {
  const core = setup(2)
  core.eject('a')
  core.clock.advance(10_000)
  const lease = core.begin('a')
  lease.answered()
  t.equal(core.standings(), 'a in, b in')
  lease.answered()
  t.equal(core.events.length, 2, 'once')
  t.equal(core.target('a').inFlight, 1)
})

t.test('When the body of a trial is cut short, that is one failure of a target that is back', async t => {
  const core = setup(2)
  core.eject('a')
  core.clock.advance(10_000)
  const lease = core.begin('a')
  lease.answered()
  lease.end({ outcome: 'reset', durationMs: 1 })
  t.equal(core.standings(), 'a in, b in')
  t.equal(core.target('a').ejection.consecutive, 1)
})

t.test('Headers of an ordinary attempt decide nothing', async t => {
  const core = setup(2)
  core.attempt('a', 'timeout', { times: 4 })
  const lease = core.begin('a')
  lease.answered()
  lease.end({ outcome: 'reset', durationMs: 1 })
  t.equal(core.standings(), 'a out, b in')
})

t.test('What was under way before the ejection decides no trial', async t => {
  const core = setup(2)
  const early = core.begin('a')
  core.eject('a')
  early.end({ outcome: 'success', durationMs: 1 })
  t.equal(core.standings(), 'a out, b in')
  core.clock.advance(10_000)
  const [second, third] = [core.begin('a'), core.begin('a')]
  third.end({ outcome: 'timeout', durationMs: 1 })
  t.equal(core.standings(), 'a trial, b in', 'only the first of two is the trial')
  second.end({ outcome: 'success', durationMs: 1 })
  t.equal(core.standings(), 'a in, b in')
})

t.test('A trial that ends after probes brought the target back decides nothing', async t => {
  const core = setup(2, { ejection: { restoredByProbe: true } })
  core.eject('a')
  core.clock.advance(10_000)
  const trial = core.begin('a')
  core.balancer.setHealth(core.target('a'), 'healthy')
  trial.end({ outcome: 'timeout', durationMs: 1 })
  t.equal(core.standings(), 'a in, b in')
})

// ---- probes and removal -----------------------------------------------------------------------------------------------

t.test('A passing probe does not end an ejection', async t => {
  const core = setup(2)
  core.eject('a')
  core.balancer.setHealth(core.target('a'), 'healthy')
  t.equal(core.standings(), 'a out, b in')
})

t.test('A passing probe ends an ejection where that was asked for', async t => {
  const core = setup(2, { ejection: { restoredByProbe: true } })
  core.eject('a')
  core.balancer.setHealth(core.target('a'), 'unhealthy')
  t.equal(core.standings(), 'a out, b in')
  core.balancer.setHealth(core.target('a'), 'healthy', 'HTTP 200')
  t.equal(core.standings(), 'a in, b in')
  t.same(core.events.slice(1), ['unhealthy a', 'restored a: a probe passed', 'healthy a: HTTP 200'])
  t.equal(core.clock.pending, 0, 'nothing waits for the end of the ejection')
})

t.test('A target that is removed or replaced takes its ejection with it', async t => {
  const core = setup(3, { ejection: { maxEjected: 1 } })
  core.eject('a', 'b')
  const a = core.target('a')
  const lease = core.begin('a')
  core.balancer.remove(a)
  core.balancer.replace(core.balancer.all.map(({ config }) => config.id === 'b' ? { ...config, url: 'http://elsewhere' } : config))
  t.equal(core.clock.pending, 0)
  t.equal(core.standings(), 'b in, c in')
  core.events.length = 0
  lease.end({ outcome: 'connect-failure', durationMs: 1 })
  core.clock.advance(100_000)
  t.same(core.events, [])
  t.equal(a.ejection.standing, 'out')
})

t.test('Another weight, tier or tag leaves an ejection as it is', async t => {
  const core = setup(2)
  core.eject('a')
  core.balancer.update(core.target('a'), { weight: 5, tags: { zone: 'x' } })
  core.balancer.replace(core.balancer.all.map(({ config }) => ({ ...config, weight: 9 })))
  t.equal(core.standings(), 'a out, b in')
  core.clock.advance(10_000)
  t.equal(core.standings(), 'a trial, b in')
})

t.test('The rules can be asked for one by one', async t => {
  const ejection = new Ejection({ ...defaultRules, consecutiveFailures: 3 }, 0)
  t.same([0, 1, 2].map(now => ejection.failed(now, 'reset')), [undefined, undefined, '3 × reset'])
  t.equal(ejection.eject(2, true, '3 × reset'), 10_000)
  t.match(ejection, { standing: 'out', reason: '3 × reset', until: 10_002, unreachable: true, admits: false })
  ejection.tryAgain()
  t.match(ejection, { standing: 'trial', admits: true })
})
