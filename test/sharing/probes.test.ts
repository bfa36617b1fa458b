/** One prober for each target. */
import t from 'tap'
import type { UpstreamOptions } from '../../lib/index.js'
import { redis } from '../../lib/index.js'
import { ProbeDuty } from '../../lib/sharing/probe-duty.js'
import { Sharing } from '../../lib/sharing/sharing.js'
import { FakeClock } from '../helpers/clock.js'
import { MeetingPlace } from '../helpers/meeting-place.js'
import { clients } from '../helpers/redis-clients.js'
import { noRedis, startRedis } from '../helpers/redis-server.js'
import { startTarget, type Ending } from '../helpers/servers.js'
import { allUp, sharingGateway } from '../helpers/sharing.js'
import { until } from '../helpers/wait.js'

t.test('three gateways: one of them probes for all; another when that one ends; each for itself when Redis is gone', { skip: noRedis }, async t => {
  const server = await startRedis(t)
  const client = await clients.ioredis!(t, server)
  const probers: string[] = []
  let status = 200
  const target = await startTarget(t, 'a', ({ headers }, _request, response) => {
    if (headers['x-gateway'] !== undefined) probers.push(headers['x-gateway'] as string)
    response.statusCode = status
    response.end()
  })
  const options = (gateway: string): UpstreamOptions => ({ targets: [target.url], health: { active: { interval: 200, fall: 2, headers: { 'x-gateway': gateway } } } })
  const names = ['1', '2', '3']
  const gateways = await Promise.all(names.map(name => sharingGateway(t, redis(client, { probes: 'one' }), options(name))))
  await allUp(gateways)
  const oneProbes = async (): Promise<string> => {
    await until(() => probers.length >= 5 && new Set(probers.slice(-5)).size === 1, 'one of them to probe', 30_000)
    return probers.at(-1)!
  }
  const health = (): string[] => gateways.map(({ shop }) => shop.snapshot().targets[0]!.health)

  const first = await oneProbes()
  status = 500
  await until(() => health().every(one => one === 'unhealthy'), 'all to hear of it')
  status = 200
  await until(() => health().every(one => one === 'healthy'), 'all to hear of that')

  const [ending] = gateways.splice(names.indexOf(first), 1)
  await ending!.app.close()
  probers.length = 0
  t.not(await oneProbes(), first)

  await server.kill()
  await until(() => gateways.every(({ app }) => app.upstreams.shared!.up === false), 'the loss of Redis')
  probers.length = 0
  await until(() => new Set(probers).size === 2, 'each to probe')
  await server.restart()
  await allUp(gateways)
  probers.length = 0
  await oneProbes()
})

/** One gateway's part, with time of the test's own. */
async function duty (t: Ending, place: MeetingPlace, clock: FakeClock): Promise<{ duty: ProbeDuty, sharing: Sharing }> {
  const sharing = new Sharing({ store: place.store(), probes: 'one' }, { clock, random: () => 0.5, log: { info () {}, warn () {} } })
  const duty = new ProbeDuty(sharing)
  t.teardown(() => {
    duty.close()
    sharing.close()
  })
  sharing.open()
  await sharing.begun
  return { duty, sharing }
}

t.test('each target is for exactly one of those who are there', async t => {
  const place = new MeetingPlace()
  const clock = new FakeClock()
  const all = [await duty(t, place, clock), await duty(t, place, clock), await duty(t, place, clock)]
  const parts = all.map(({ duty }) => duty.divide('shop'))
  const targets = Array.from({ length: 60 }, (_, i) => `http://10.0.0.${i}`)
  const shares = (): number[] => parts.map(part => targets.filter(target => part.isOurs(target)).length)
  const agreed = (): boolean => shares().reduce((sum, share) => sum + share, 0) === targets.length
  await until(agreed, 'they know of each other')
  t.ok(shares().every(share => share > 5), String(shares()))

  // Whoever has other upstreams has no part in this one.
  const other = await duty(t, place, clock)
  other.duty.divide('cart')
  other.duty.divide('users')
  await new Promise(resolve => setImmediate(resolve))
  t.ok(agreed())

  // One that says nothing more is missed after 6 s.
  all[2]!.sharing.link.lost('gone')
  for (let i = 0; i < 3; i++) {
    clock.advance(2_000)
    await new Promise(resolve => setImmediate(resolve))
  }
  const [first, second] = shares()
  t.equal(first! + second!, targets.length)

  parts[1]!.end()
  await until(() => shares()[0] === targets.length, 'the first is alone')
  all[0]!.sharing.link.lost('gone')
  t.equal(parts[0]!.isOurs('any'), true)
})

t.test('what is no result is none', async t => {
  const place = new MeetingPlace()
  const { duty: own } = await duty(t, place, new FakeClock())
  const part = own.divide('shop')
  const heard: unknown[] = []
  part.listen(found => { heard.push(found) })
  const say = (topic: string, said: unknown): void => { place.say(JSON.stringify({ from: 'x', topic, said })) }
  const good = { target: 'a', passed: true, reason: 'status 200', durationMs: 3 }
  for (const said of [null, 3, {}, { ...good, target: 3 }, { ...good, passed: 'yes' }, { ...good, reason: 1 }, { ...good, durationMs: '3' }]) say('probes/shop', said)
  say('alive', 'x')
  say('alive', [{ toString: 1, valueOf: 1 }])
  t.strictSame(heard, [])
  say('probes/shop', { ...good, reason: 'x'.repeat(1_000), more: 1 })
  t.strictSame(heard, [{ ...good, reason: 'x'.repeat(200) }])
})
