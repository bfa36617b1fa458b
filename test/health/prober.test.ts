/** The probes of an upstream: when they are made, and what becomes of their results. Time and chance are the test's own, targets are real. */
import t from 'tap'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { seededRandom } from '../helpers/clock.js'
import { matchLines } from '../helpers/lines.js'
import { probing, TIMEOUT, type Probing } from '../helpers/probing.js'
import { refusedUrl, startTarget, type Ending, type TestTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const INTERVAL = 1_000

/** A target whose answers are held back until they are let go. */
async function startHeld (t: Ending): Promise<{ target: TestTarget, held: ServerResponse[] }> {
  const held: ServerResponse[] = []
  const target = await startTarget(t, 'held', (_seen, _request, response) => { held.push(response) })
  return { target, held }
}

/** A target that answers 200 while it is `up`. */
async function startSwitched (t: Ending): Promise<TestTarget & { up: boolean }> {
  const target: TestTarget & { up: boolean } = Object.assign(await startTarget(t, 'switched', (_seen, _request, response) => {
    response.statusCode = target.up ? 200 : 503
    response.end()
  }), { up: true })
  return target
}

/** Events of targets, one a line. */
function eventsOf ({ upstream }: Probing): string[] {
  const events: string[] = []
  for (const event of ['healthy', 'unhealthy'] as const) {
    upstream.on(`target:${event}`, ({ target, reason }) => events.push(`${target} ${event}: ${reason}`))
  }
  return events
}

// ---- rise and fall --------------------------------------------------------------------------------------------------------

/** Plays results (`+` passed, `-` failed), one an interval; returns what each makes of the target: h(ealthy), u(nhealthy), p(ending). */
async function play (t: Ending, results: string, active: object): Promise<string> {
  const target = await startSwitched(t)
  const probed = probing(t, { targets: [target.url] }, { interval: INTERVAL, jitter: 0, ...active })
  let course = ''
  for (const [i, result] of [...results].entries()) {
    target.up = result === '+'
    if (i === 0) await probed.prober.start()
    else probed.clock.advance(INTERVAL)
    await probed.judged(i + 1)
    course += probed.health()[0]![0]!
  }
  probed.prober.close()
  return course
}

t.test('a healthy target falls after so many failures in a row, and rises after so many passes in a row', async t => {
  for (const [results, course, active] of [
    ['+--+--+---', 'hhhhhhhhhu', {}],
    ['----++++', 'uuuuuhhh', {}],
    ['-+-+-++-', 'uuuuuuhh', {}],
    ['+---+-+-++', 'hhhuuuuuuh', {}],
    ['+-+-', 'huhu', { rise: 1, fall: 1 }],
    ['-+++--+', 'uuuhhuu', { rise: 3, fall: 2 }]
  ] as const) {
    t.equal(await play(t, results, active), course, results)
  }
})

t.test('the first result alone decides a new target', async t => {
  t.equal(await play(t, '+', { rise: 5 }), 'h')
  t.equal(await play(t, '-', { fall: 5 }), 'u')
  t.equal(await play(t, '-', { fall: 5, initial: 'available' }), 'u')
  t.equal(await play(t, '+', { rise: 5, initial: 'available' }), 'h')
})

t.test('a change is told once, with its reason', async t => {
  const target = await startSwitched(t)
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL, jitter: 0, rise: 1, fall: 2 })
  const events = eventsOf(probed)
  await probed.prober.start()
  for (const [i, up] of [true, false, false, false, true, true].entries()) {
    target.up = up
    probed.clock.advance(INTERVAL)
    await probed.judged(i + 2)
  }
  t.strictSame(events, ['a healthy: status 200', 'a unhealthy: status 503', 'a healthy: status 200'])
})

// ---- when -----------------------------------------------------------------------------------------------------------------

t.test('an answer that does not come in time is a failure, and its connection is closed', async t => {
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL })
  const events = eventsOf(probed)
  const started = probed.prober.start()
  await until(() => held.length === 1, 'the probe')
  probed.clock.advance(TIMEOUT - 1)
  t.strictSame(probed.health(), ['pending'])
  probed.clock.advance(1)
  await started
  t.strictSame(events, [`a unhealthy: no answer within ${TIMEOUT} ms`])
  await until(() => target.sockets.size === 0, 'the end of the connection')
})

t.test('an answer that comes at the last moment is in time', async t => {
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [target.url] })
  const started = probed.prober.start()
  await until(() => held.length === 1, 'the probe')
  probed.clock.advance(TIMEOUT - 1)
  held[0]!.end()
  await started
  t.strictSame(probed.health(), ['healthy'])
})

t.test('a body that does not end in time is a failure', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.write('o') })
  const probed = probing(t, { targets: [target.url] }, { expect: { body: 'ok' } })
  const started = probed.prober.start()
  await until(() => target.seen.length === 1, 'the probe')
  probed.clock.advance(TIMEOUT)
  await started
  t.strictSame(probed.health(), ['unhealthy'])
})

t.test('a target has one probe at a time, however long it takes', async t => {
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [target.url] }, { interval: 10 })
  const started = probed.prober.start()
  await until(() => held.length === 1, 'the first probe')
  probed.clock.advance(TIMEOUT - 1)
  t.equal(target.seen.length, 1)
  held[0]!.end()
  await started
  probed.clock.advance(10)
  await until(() => held.length === 2, 'the second probe')
  probed.clock.advance(TIMEOUT - 1)
  held[1]!.end()
  await probed.judged(2)
  t.equal(target.seen.length, 2)
})

t.test('the interval runs from the end of a probe to the beginning of the next', async t => {
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [target.url] }, { interval: INTERVAL, jitter: 0 })
  const started = probed.prober.start()
  await until(() => held.length === 1, 'the probe')
  held[0]!.end()
  await started
  probed.clock.advance(INTERVAL)
  await until(() => held.length === 2, 'the next probe')
  probed.clock.advance(700)
  held[1]!.end()
  await probed.judged(2)
  probed.clock.advance(INTERVAL - 1)
  t.equal(probed.clock.pending, 1, 'the pause is not over')
  probed.clock.advance(1)
  await until(() => held.length === 3, 'the one after that')
})

t.test('the second probe comes anywhere in the interval, the following an interval apart, give or take the jitter', async t => {
  const target = await startTarget(t, 'a')
  // Chance is asked for the jitter, and after a first probe for the place in the interval.
  const chance = [0.5, 0.25, 0, 0.75, 0.999]
  const probed = probing(t, { targets: [target.url], random: () => chance.shift()! }, { interval: INTERVAL, jitter: 0.2 })
  await probed.prober.start()
  for (let i = 2; i <= 4; i++) {
    probed.clock.advance(probed.pauses.at(-1)!)
    await probed.judged(i)
  }
  t.strictSame(probed.pauses.map(Math.round), [250, 800, 1_100, 1_200])
})

t.test('many targets are probed at times of their own', async t => {
  const target = await startTarget(t, 'a')
  const targets = Array.from({ length: 50 }, (_, i) => ({ id: `t${i}`, url: target.url }))
  const probed = probing(t, { targets, random: seededRandom(1) }, { interval: 5_000 })
  await probed.prober.start()
  const perTenth = Array.from({ length: 10 }, () => 0)
  for (const pause of probed.pauses) perTenth[Math.min(9, Math.floor(pause / 500))]!++
  t.notOk(perTenth.includes(0), `in each tenth of the interval somebody is probed: ${perTenth}`)
  t.ok(Math.max(...perTenth) <= 15, 'and nowhere are there three times as many as there would be on average')
})

t.test('an unhealthy target is probed at an interval of its own', async t => {
  const target = await startSwitched(t)
  const probed = probing(t, { targets: [target.url] }, { interval: INTERVAL, unhealthyInterval: 100, jitter: 0, fall: 1, rise: 1 })
  await probed.prober.start()
  for (const [i, up] of [false, false, true].entries()) {
    target.up = up
    probed.clock.advance(probed.pauses.at(-1)!)
    await probed.judged(i + 2)
  }
  t.strictSame(probed.pauses, [500, 100, 100, 1_000])
})

t.test('without one it is the interval of all', async t => {
  const probed = probing(t, { targets: [await refusedUrl()] }, { interval: INTERVAL, jitter: 0 })
  await probed.prober.start()
  t.strictSame(probed.health(), ['unhealthy'])
  t.strictSame(probed.pauses, [500])
})

// ---- where ----------------------------------------------------------------------------------------------------------------

t.test('each target is probed by itself', async t => {
  const good = await startTarget(t, 'good')
  const bad = await startSwitched(t)
  bad.up = false
  const probed = probing(t, { targets: [good.url, bad.url, await refusedUrl()] })
  await probed.prober.start()
  t.strictSame(probed.health(), ['healthy', 'unhealthy', 'unhealthy'])
})

t.test('a target that is full is probed all the same, and the probe takes no slot', async t => {
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [target.url], limits: { maxRequests: 1 } }, { initial: 'available' })
  const lease = probed.upstream.balancer.begin([...probed.upstream.targets.values()][0]!)
  const started = probed.prober.start()
  await until(() => held.length === 1, 'the probe')
  t.equal(probed.upstream.snapshot().targets[0]!.inFlight, 1, 'the request, not the probe')
  held[0]!.end()
  await started
  lease.end({ outcome: 'success', durationMs: 1 })
  t.match(probed.upstream.snapshot().targets[0], { inFlight: 0, requests: 1, health: 'healthy' })
})

t.test('200 targets are not dialled all at once', async t => {
  const { target, held } = await startHeld(t)
  const targets = Array.from({ length: 200 }, (_, i) => ({ id: `t${i}`, url: target.url }))
  const probed = probing(t, { targets })
  const started = probed.prober.start()
  let most = 0
  let answered = 0
  while (answered < 200) {
    const open = Math.min(64, 200 - answered)
    await until(() => held.length - answered >= open, `${open} probes at once`)
    most = Math.max(most, target.sockets.size)
    // Somebody who comes while one place is being handed over has to wait, too.
    held[answered++]!.end()
    if (answered === 10) await until(() => target.sockets.size === 64 && held.length === 74, 'the place to be taken')
  }
  await started
  t.equal(most, 64)
  t.ok(probed.health().every(health => health === 'healthy'))
})

t.test('targets that are added while the first round goes on wait for their turn like the others', async t => {
  const { target, held } = await startHeld(t)
  const targets = Array.from({ length: 70 }, (_, i) => ({ id: `t${i}`, url: target.url }))
  const probed = probing(t, { targets })
  const started = probed.prober.start()
  await until(() => held.length === 64, 'the first probes')
  probed.upstream.on('target:healthy', ({ target: id }) => {
    if (id === 't0') probed.upstream.add({ id: 'late', url: target.url })
  })
  held[0]!.end()
  await until(() => held.length === 65, 'the next')
  t.equal(probed.upstream.targets.size, 71)
  t.ok(target.sockets.size <= 64)
  for (let i = 1; i < 71; i++) {
    await until(() => held.length > i, `number ${i}`)
    held[i]!.end()
  }
  await started
  await until(() => probed.health().at(-1) === 'healthy', 'the last of all')
})

t.test('the first round is waited for no longer than one probe may take, however many there are', async t => {
  const { target, held } = await startHeld(t)
  const targets = Array.from({ length: 100 }, (_, i) => ({ id: `t${i}`, url: target.url }))
  const probed = probing(t, { targets })
  const started = probed.prober.start()
  await until(() => held.length === 64, 'the first probes')
  probed.clock.advance(TIMEOUT)
  await started
  const health = probed.health()
  t.equal(health.filter(each => each === 'unhealthy').length, 64)
  t.equal(health.filter(each => each === 'pending').length, 36, 'the others wait for their turn, and get no requests')
  await until(() => held.length === 100, 'their turn')
})

t.test('an upstream without targets is ready at once', async t => {
  const probed = probing(t, { targets: [] })
  await probed.prober.start()
  t.equal(probed.clock.pending, 0)
})

// ---- changes at run time --------------------------------------------------------------------------------------------------

t.test('a target that is added later is pending, and gets no request before it has passed', async t => {
  const old = await startTarget(t, 'old')
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [{ id: 'old', url: old.url }], policy: 'round-robin' })
  await probed.prober.start()
  probed.upstream.add({ id: 'new', url: target.url })
  await until(() => held.length === 1, 'its probe')
  t.strictSame(probed.health(), ['healthy', 'pending'])
  t.strictSame(new Set(Array.from({ length: 10 }, () => probed.upstream.pick().id)), new Set(['old']))
  t.equal(probed.upstream.pick({ affinity: 'new' }).id, 'old')
  t.throws(() => probed.upstream.pick({ tried: ['old'] }), { code: 'FST_LB_NO_TARGET' }, 'not even when all else has failed')
  const healthy = once(probed.upstream, 'target:healthy')
  held[0]!.end()
  t.match(await healthy, [{ upstream: 'shop', target: 'new', reason: 'status 200' }])
  t.strictSame(new Set(Array.from({ length: 10 }, () => probed.upstream.pick().id)), new Set(['old', 'new']))
})

t.test("with initial: 'available' it gets requests at once, until a probe says otherwise", async t => {
  const old = await startTarget(t, 'old')
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [{ id: 'old', url: old.url }], policy: 'round-robin' }, { initial: 'available' })
  await probed.prober.start()
  probed.upstream.add({ id: 'new', url: target.url })
  await until(() => held.length === 1, 'its probe')
  t.strictSame(new Set(Array.from({ length: 10 }, () => probed.upstream.pick().id)), new Set(['old', 'new']))
  const unhealthy = once(probed.upstream, 'target:unhealthy')
  held[0]!.statusCode = 500
  held[0]!.end()
  await unhealthy
  t.strictSame(new Set(Array.from({ length: 10 }, () => probed.upstream.pick().id)), new Set(['old']))
})

t.test('a target in maintenance is probed without a verdict', async t => {
  const target = await startSwitched(t)
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL, jitter: 0, fall: 1, rise: 1 })
  const events = eventsOf(probed)
  await probed.prober.start()
  target.up = false
  probed.upstream.update('a', { state: 'maintenance' })
  for (let i = 2; i <= 5; i++) {
    probed.clock.advance(INTERVAL)
    await probed.judged(i)
  }
  t.equal(target.seen.length, 5)
  t.strictSame(probed.health(), ['healthy'])
  probed.upstream.update('a', { state: 'ready' })
  t.strictSame(probed.health(), ['pending'], 'it takes nobody until it is probed, which it is at once')
  await probed.judged(6)
  t.strictSame(events, ['a healthy: status 200', 'a unhealthy: status 503'])
})

t.test('the first result after a maintenance alone decides', async t => {
  const target = await startSwitched(t)
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL, jitter: 0, fall: 2 })
  await probed.prober.start()
  const course = []
  for (const [i, [up, state]] of ([[false, 'ready'], [true, 'maintenance'], [false, 'ready'], [false, 'ready']] as const).entries()) {
    target.up = up
    probed.upstream.update('a', { state })
    probed.clock.advance(INTERVAL)
    await probed.judged(i + 2)
    course.push(probed.health()[0])
  }
  t.strictSame(course, ['healthy', 'healthy', 'unhealthy', 'unhealthy'])
})

t.test('a target that is ready again before a probe in its maintenance has ended is judged by that probe', async t => {
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL, jitter: 0 })
  const events = eventsOf(probed)
  probed.upstream.update('a', { state: 'maintenance' })
  const started = probed.prober.start()
  probed.upstream.update('a', { state: 'ready' })
  probed.upstream.update('a', { weight: 2 })
  await until(() => held.length === 1, 'the first probe')
  held[0]!.end()
  await started
  probed.clock.advance(INTERVAL)
  await until(() => held.length === 2, 'the second probe')
  probed.upstream.update('a', { state: 'maintenance' })
  probed.upstream.update('a', { state: 'ready' })
  t.strictSame(probed.health(), ['pending'])
  held[1]!.end()
  await probed.judged(2)
  t.equal(target.seen.length, 2)
  t.strictSame(events, ['a healthy: status 200', 'a healthy: status 200'])
})

t.test('a listener may put a target into maintenance as soon as it is added', async t => {
  const target = await startTarget(t, 'a')
  const probed = probing(t, { targets: [] }, { interval: INTERVAL, jitter: 0 })
  probed.upstream.on('target:added', ({ target: id }) => { probed.upstream.update(id, { state: 'maintenance' }) })
  await probed.prober.start()
  probed.upstream.add({ id: 'a', url: target.url })
  await probed.judged(1)
  t.strictSame(probed.health(), ['pending'])
  probed.upstream.update('a', { state: 'ready' })
  await probed.judged(2)
  t.strictSame(probed.health(), ['healthy'])
})

t.test('a target that was never probed outside maintenance stays pending', async t => {
  const target = await startTarget(t, 'a')
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL, jitter: 0 })
  probed.upstream.update('a', { state: 'maintenance' })
  await probed.prober.start()
  probed.upstream.update('a', { state: 'ready' })
  t.strictSame(probed.health(), ['pending'])
  probed.clock.advance(INTERVAL)
  await probed.judged(2)
  t.strictSame(probed.health(), ['healthy'])
})

t.test('a draining target is judged like any other', async t => {
  const target = await startSwitched(t)
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL, jitter: 0, fall: 1 })
  await probed.prober.start()
  probed.upstream.update('a', { state: 'drain' })
  target.up = false
  probed.clock.advance(INTERVAL)
  await probed.judged(2)
  t.strictSame(probed.health(), ['unhealthy'])
})

t.test('a target that is removed in the middle of its probe leaves nothing', async t => {
  const { target, held } = await startHeld(t)
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] })
  const events = eventsOf(probed)
  const started = probed.prober.start()
  await until(() => held.length === 1, 'the probe')
  await probed.upstream.remove('a')
  await started
  await until(() => target.sockets.size === 0, 'the end of the connection')
  t.equal(probed.clock.pending, 0)
  t.strictSame(events, [])
})

t.test('a target that is removed between two probes leaves nothing', async t => {
  const target = await startTarget(t, 'a')
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL })
  await probed.prober.start()
  t.equal(probed.clock.pending, 1)
  await probed.upstream.remove('a')
  t.equal(probed.clock.pending, 0)
  probed.clock.advance(10 * INTERVAL)
  t.equal(target.seen.length, 1)
})

t.test('a target that is removed while it waits for its first probe is never probed', async t => {
  const { target, held } = await startHeld(t)
  const targets = Array.from({ length: 65 }, (_, i) => ({ id: `t${i}`, url: target.url }))
  const probed = probing(t, { targets })
  const started = probed.prober.start()
  await until(() => held.length === 64, 'the first probes')
  await probed.upstream.remove('t64')
  for (const response of held) response.end()
  await started
  t.equal(target.seen.length, 64)
})

t.test('a target that a listener takes out while it is being added is not probed', async t => {
  const target = await startTarget(t, 'a')
  const probed = probing(t, { targets: [] })
  await probed.prober.start()
  probed.upstream.on('target:added', ({ target: id }) => { if (id === 'a') void probed.upstream.remove('b') })
  probed.upstream.replace([{ id: 'a', url: target.url }, { id: 'b', url: target.url }])
  await once(probed.upstream, 'target:healthy')
  t.strictSame(probed.health(), ['healthy'])
  t.equal(target.seen.length, 1)
})

t.test('nor is one that somebody takes out who hears of it before the prober does', async t => {
  const probed = probing(t, { targets: [] })
  probed.upstream.on('target:added', ({ target: id }) => { void probed.upstream.remove(id) })
  await probed.prober.start()
  probed.upstream.add('http://127.0.0.1:1')
  t.strictSame(probed.health(), [])
  await until(() => probed.clock.pending === 0, 'the end of all timers')
})

t.test('another url under the same id is another server: the old one is left, the new one is pending until it has passed', async t => {
  const old = await startHeld(t)
  const fresh = await startHeld(t)
  const probed = probing(t, { targets: [{ id: 'a', url: old.target.url }] }, { fall: 9 })
  const events = eventsOf(probed)
  const started = probed.prober.start()
  await until(() => old.held.length === 1, 'the probe of the old one')
  probed.upstream.replace([{ id: 'a', url: fresh.target.url }])
  await started
  await until(() => old.target.sockets.size === 0, 'the end of the old connection')
  await until(() => fresh.held.length === 1, 'the probe of the new one')
  t.strictSame(probed.health(), ['pending'])
  fresh.held[0]!.end()
  await until(() => events.length > 0, 'its verdict')
  t.strictSame(events, ['a healthy: status 200'])
})

t.test('changing weight, tags or place in the list does not disturb the probes', async t => {
  const target = await startTarget(t, 'a')
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL, jitter: 0 })
  await probed.prober.start()
  probed.upstream.replace([{ id: 'b', url: target.url }, { id: 'a', url: target.url, weight: 5, tags: { zone: 'x' } }])
  await probed.judged(2)
  t.equal(target.seen.length, 2)
  t.strictSame(probed.health(), ['healthy', 'healthy'])
})

t.test('what became of the last probe can be asked for', async t => {
  const target = await startTarget(t, 'a')
  const probed = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: INTERVAL, jitter: 0 })
  t.equal(probed.prober.lastOf('a'), undefined)
  await probed.prober.start()
  t.strictSame(probed.prober.lastOf('a'), { passed: true, reason: 'status 200', at: probed.clock.now(), durationMs: 0 })
  t.equal(probed.prober.lastOf('nobody'), undefined)
})

t.test('tls of the target goes before that of the upstream', async t => {
  const target = await startTarget(t, 'plain')
  const url = target.url.replace('http:', 'https:')
  const probed = probing(t, {
    targets: [{ id: 'own', url, tls: { cert: '', key: '' } }, { id: 'none', url }],
    pool: { tls: { cert: 'not a certificate', key: 'nor a key' } }
  })
  const events = eventsOf(probed)
  await probed.prober.start()
  matchLines(t, events.sort(), [/^none unhealthy: TLS: no start line$/, /^own unhealthy: TLS handshake failed$/])
})

// ---- the end --------------------------------------------------------------------------------------------------------------

t.test('after close there is neither timer nor connection, and nothing begins', async t => {
  const { target, held } = await startHeld(t)
  const targets = Array.from({ length: 70 }, (_, i) => ({ id: `t${i}`, url: target.url }))
  const probed = probing(t, { targets }, { interval: INTERVAL })
  const events = eventsOf(probed)
  const started = probed.prober.start()
  await until(() => held.length === 64, 'the first probes')
  held[0]!.end()
  await until(() => held.length === 65, 'one to be in its pause')
  probed.prober.close()
  await started
  t.equal(probed.clock.pending, 0)
  await until(() => target.sockets.size === 0, 'the end of all connections')
  t.strictSame(events, ['t0 healthy: status 200'], 'nobody is called unhealthy for it')
  probed.upstream.add({ id: 'late', url: target.url })
  probed.clock.advance(10 * INTERVAL)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(held.length, 65)
  t.equal(probed.clock.pending, 0)
})

t.test('whoever hears of a verdict may take the target out, or end the probes: no pause begins', async t => {
  for (const end of [({ upstream }: Probing) => upstream.remove('a'), ({ prober }: Probing) => prober.close()]) {
    const probed = probing(t, { targets: [{ id: 'a', url: await refusedUrl() }] })
    probed.upstream.on('target:unhealthy', () => { void end(probed) })
    await probed.prober.start()
    await until(() => probed.clock.pending === 0, 'the end of all timers')
  }
})
