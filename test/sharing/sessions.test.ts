/** Learned sessions that gateways have in common. */
import t from 'tap'
import { redis, type SharedOptions } from '../../lib/index.js'
import { SharedSessions } from '../../lib/sharing/sessions.js'
import { Sharing } from '../../lib/sharing/sharing.js'
import { FakeClock } from '../helpers/clock.js'
import { MeetingPlace } from '../helpers/meeting-place.js'
import { clients } from '../helpers/redis-clients.js'
import { noRedis, startRedis } from '../helpers/redis-server.js'
import { startTarget, type Ending } from '../helpers/servers.js'
import { allUp, sharingGateway, type SharingGateway } from '../helpers/sharing.js'
import { until } from '../helpers/wait.js'

const SESSION = { session: { header: 'x-session' } }

async function gateways (t: Ending, count: number, shared: () => SharedOptions): Promise<{ gateways: SharingGateway[], ask: (at: number, session: string, init?: RequestInit) => Promise<string> }> {
  const targets = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(name => startTarget(t, name)))
  const list = targets.map(({ name, url }) => ({ id: name, url }))
  const gateways: SharingGateway[] = []
  for (let i = 0; i < count; i++) gateways.push(await sharingGateway(t, shared(), { targets: list, affinity: SESSION, policy: 'random' }))
  await allUp(gateways)
  return { gateways, ask: async (at, session, init = {}) => (await fetch(gateways[at]!.url, { ...init, headers: { 'x-session': session } })).text() }
}

for (const [name, connect] of Object.entries(clients)) {
  void t.test(name, { skip: noRedis }, async t => {
    const server = await startRedis(t)
    const client = await connect(t, server)
    const { gateways: [one, two], ask } = await gateways(t, 2, () => redis(client))

    t.test('a session that one gateway has learned is known to the other', async t => {
      const late = (): number => two!.app.upstreams.shared!.sessions.late
      let agreed = 0
      for (let i = 0; agreed < 10 && i < 100; i++) {
        const before = late()
        const first = await ask(0, `s${i}`)
        const second = await ask(1, `s${i}`)
        // A machine that has much to do is slow: then it is known to nobody, as it should be.
        if (late() > before) continue
        agreed++
        t.equal(second, first)
      }
      t.equal(two!.app.upstreams.shared!.sessions.found, 10)
      t.equal(await ask(1, 's0', { method: 'POST', body: 'x' }), await ask(1, 's0'))
      t.notOk((await server.client.keys('*')).some(key => key.includes('s0')), 'ids are not told')
      t.ok(await server.client.pttl((await server.client.keys('fastify-lb:session:*'))[0]!) > 0, 'they expire')
    })

    t.test('a Redis that hangs costs no answer, and who is known here stays', async t => {
      const target = await ask(0, 's1')
      server.hang()
      t.teardown(server.goOn)
      t.equal(await ask(0, 's1'), target)
      t.match(await ask(0, 'new'), /^[a-e]$/)
      t.match(await ask(0, 'big', { method: 'POST', body: 'x'.repeat(200_000) }), /^[a-e]$/)
      const unknown = await ask(1, 'new')
      t.equal(await ask(1, 'new'), unknown)
      t.ok(one!.app.upstreams.shared!.sessions.late >= 1)
    })

    t.test('a Redis that comes back empty is told what is known', async t => {
      await server.kill()
      const target = await ask(0, 'meanwhile')
      await server.restart()
      await until(() => one!.app.upstreams.shared!.up === true, 'it is back')
      const later = await sharingGateway(t, redis(client), { targets: [...one!.shop.targets.values()].map(({ id, url }) => ({ id, url })), affinity: SESSION, policy: 'random' })
      let asking = false
      let sessions = 0
      await until(() => {
        if (!asking) {
          asking = true
          void server.client.keys('fastify-lb:session:*').then(keys => {
            sessions = keys.length
            asking = false
          })
        }
        return sessions >= 11
      }, 'the sessions')
      const late = (): number => later.app.upstreams.shared!.sessions.late
      const answered = await (await fetch(later.url, { headers: { 'x-session': 'meanwhile' } })).text()
      if (late() === 0) t.equal(answered, target)
    })
  })
}

t.test('a session that had to move has moved for all who know it', async t => {
  const place = new MeetingPlace()
  const { gateways: [one, two], ask } = await gateways(t, 2, () => ({ store: place.store() }))
  const before = await ask(0, 's')
  t.equal(await ask(1, 's'), before)
  one!.shop.update(before, { state: 'maintenance' })
  const after = await ask(0, 's')
  t.not(after, before)
  one!.shop.update(before, { state: 'ready' })
  await until(() => two!.shop.targets.get(before)!.state === 'ready', 'the state')
  t.equal(await ask(1, 's'), after)
  for (const said of ['null', '[]', '["x","y"]', '[1,2]']) place.say(`{"from":"x","topic":"sessions/shop","said":${said}}`)
  t.equal(await ask(1, 's'), after)
  place.sessions.clear()
  const third = await sharingGateway(t, { store: place.store() }, { targets: [{ id: 'other', url: one!.shop.targets.get(after)!.url }], affinity: { ...SESSION, onUnavailable: 'fail' } })
  await allUp([third])
  for (const key of ['s', 't']) await ask(0, key)
  await until(() => place.sessions.size > 0, 'the session')
  t.equal((await fetch(third.url, { headers: { 'x-session': 't' } })).status, 200, 'whose target is not here belongs to nobody')
})

t.test('whoever leaves while his session is looked up is not served', async t => {
  const place = new MeetingPlace()
  let answer: ((target: null) => void) | undefined
  const store = { ...place.store(), recall: () => new Promise<null>(resolve => { answer = resolve }) }
  const target = await startTarget(t, 'a')
  const gateway = await sharingGateway(t, { store }, { targets: [target.url], affinity: SESSION })
  await allUp([gateway])
  const leaving = new AbortController()
  const asked = fetch(gateway.url, { headers: { 'x-session': 's' }, signal: leaving.signal })
  await until(() => answer !== undefined, 'the look-up')
  leaving.abort()
  await t.rejects(asked)
  // The gateway has heard of it, too.
  let open = 1
  await until(() => {
    gateway.app.server.getConnections((_error, count) => { open = count })
    return open === 0
  }, 'the connection’s end')
  answer!(null)
  await until(() => gateway.app.upstreams.shared!.sessions.unknown + gateway.app.upstreams.shared!.sessions.late === 1, 'its end')
  t.equal(target.seen.length, 0)
})

t.test('shares by a function that throws after a look-up are an error, not a request for ever', async t => {
  const place = new MeetingPlace()
  const target = await startTarget(t, 'a')
  let calls = 0
  const gateway = await sharingGateway(t, { store: place.store() }, { targets: [target.url], affinity: SESSION }, {
    routes: { '/': { upstream: 'shop', split: { shares: () => { if (calls++ > 0) throw new Error('no shares'); return { v1: 1 } }, fallback: 'any' } } }
  })
  await allUp([gateway])
  t.equal((await fetch(gateway.url, { headers: { 'x-session': 's' } })).status, 500)
})

/** With time of the test's own. */
async function learning (t: Ending, place: MeetingPlace, recall?: () => Promise<string | null>): Promise<{ sessions: SharedSessions, sharing: Sharing, clock: FakeClock }> {
  const clock = new FakeClock()
  const store = { ...place.store(), ...(recall !== undefined && { recall }) }
  const sharing = new Sharing({ store, probes: 'each' }, { clock, random: () => 0.5, log: { info () {}, warn () {} } })
  t.teardown(() => { sharing.close() })
  sharing.open()
  await sharing.begun
  return { sessions: new SharedSessions(sharing, 'shop', { ttl: 1_000, max: 10 }), sharing, clock }
}

t.test('a look-up is given up after 50 ms, and not made when the store is lost or owes too many answers', async t => {
  const place = new MeetingPlace()
  const { sessions, sharing, clock } = await learning(t, place, () => new Promise(() => {}))
  let found: unknown = 'nothing yet'
  void sessions.find('s')!.then(target => { found = target })
  clock.advance(49)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(found, 'nothing yet')
  clock.advance(1)
  await until(() => found === undefined, 'its end')
  for (let i = 1; i < 1_000; i++) void sessions.find(`s${i}`)
  t.equal(sessions.find('one more'), undefined)
  t.equal(sharing.snapshot().sessions.late, 2)
  sharing.link.lost('gone')
  const other = await learning(t, new MeetingPlace())
  other.sharing.link.lost(new Error('gone'))
  t.equal(other.sessions.find('s'), undefined)
  const { length } = place.calls
  other.sessions.set('s', 'a')
  t.equal(place.calls.length, length)
})

t.test('a session in use is told again before the store forgets it', async t => {
  const place = new MeetingPlace()
  const { sessions, clock } = await learning(t, place)
  const remembered = (): number => place.calls.filter(call => call === 'remember').length
  sessions.set('s', 'a')
  for (let i = 0; i < 4; i++) {
    t.equal(sessions.get('s'), 'a')
    clock.advance(250)
  }
  t.equal(sessions.get('s'), 'a')
  t.equal(remembered(), 3)
  place.up = false
  sessions.set('s', 'b')
  await new Promise(resolve => setImmediate(resolve))
  t.equal(sessions.get('s'), 'b', 'a store that fails is nothing to the request')
})
