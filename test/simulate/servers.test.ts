import t from 'tap'
import { VirtualClock } from '../../bench/simulate/engine/clock.js'
import { Server } from '../../bench/simulate/engine/server.js'
import { planOutages, planSlowdown } from '../../bench/simulate/engine/troubles.js'

/** A server, and jobs that tell how they ended: `a 200 at 10`. */
function bench (spec: object = {}) {
  const clock = new VirtualClock()
  const server = new Server(clock, { cores: 1, speed: 1, discipline: 'fifo', ...spec })
  const told: string[] = []
  const job = (name: string, work: number, luck = 0.5) => ({
    work,
    luck,
    answered: (status: number) => { told.push(`${name} ${status} at ${clock.now()}`) },
    worked () { this.answered(200) },
    broke: () => { told.push(`${name} broke at ${clock.now()}`) }
  })
  const send = (name: string, work: number, luck?: number) => {
    const sent = job(name, work, luck)
    server.receive(sent)
    return sent
  }
  return { clock, server, told, send }
}

t.test('In order: each core has one job, the others wait', async t => {
  const { clock, server, told, send } = bench({ cores: 2 })
  for (const [name, work] of [['a', 10], ['b', 4], ['c', 3], ['d', 1]] as const) send(name, work)
  t.same([server.running, server.waiting], [2, 2])
  clock.runUntil(100)
  t.same(told, ['b 200 at 4', 'c 200 at 7', 'd 200 at 8', 'a 200 at 10'])
})

t.test('Shared: all jobs divide the cores, and none has more than one', async t => {
  const { clock, told, send } = bench({ cores: 2, discipline: 'sharing' })
  for (const [name, work] of [['a', 2], ['b', 6], ['c', 6], ['d', 6]] as const) send(name, work)
  clock.runUntil(100)
  // Half of a core each until a is done at 4, then two thirds of one each for the 4 that are left.
  t.same(told, ['a 200 at 4', 'b 200 at 10', 'c 200 at 10', 'd 200 at 10'])
})

t.test('A job that nobody waits for is left out while it waits, and finished once it is begun', async t => {
  const { clock, server, told, send } = bench()
  const a = send('a', 5)
  const b = send('b', 5)
  send('c', 5)
  server.drop(a)
  server.drop(b)
  t.equal(server.waiting, 1)
  clock.runUntil(100)
  t.same(told, ['a 200 at 5', 'c 200 at 10'])
})

for (const discipline of ['fifo', 'sharing']) {
  t.test(`At another speed, what is left takes another time (${discipline})`, async t => {
    const { clock, server, told, send } = bench({ discipline, speed: 0.5 })
    send('a', 10)
    clock.runUntil(10)
    server.slow(0.5)
    server.slow(0)
    clock.runUntil(30)
    server.recover(0)
    clock.runUntil(100)
    t.same(told, ['a 200 at 50'])
  })

  t.test(`A crash breaks what runs and what waits; afterwards it takes jobs again (${discipline})`, async t => {
    const { clock, server, told, send } = bench({ discipline })
    send('a', 5)
    send('b', 5)
    clock.runUntil(1)
    server.crash()
    send('c', 5)
    server.restart()
    send('d', 5)
    clock.runUntil(100)
    t.same(told, ['a broke at 1', 'b broke at 1', 'c broke at 1', 'd 200 at 6'])
  })
}

t.test('A long queue is taken from its front', async t => {
  const { clock, told, send } = bench()
  for (let i = 0; i < 5_000; i++) send(String(i), 1)
  clock.runUntil(10_000)
  t.same(told.map(line => line.split(' ')[0]), Array.from({ length: 5_000 }, (_, i) => String(i)))
})

t.test('Failing answers need no work, and strike by the luck of the request, while they last', async t => {
  const { clock, told, send } = bench({ failures: { share: 0.3, after: 1, status: 503, from: 10, until: 20 } })
  const sendBoth = () => { send('unlucky', 2, 0.2); send('lucky', 2, 0.4) }
  sendBoth()
  clock.runUntil(10)
  sendBoth()
  clock.runUntil(20)
  sendBoth()
  clock.runUntil(100)
  t.same(told, ['unlucky 200 at 2', 'lucky 200 at 4', 'unlucky 503 at 11', 'lucky 200 at 12', 'unlucky 200 at 22', 'lucky 200 at 24'])
})

t.test('Slowdowns come round, from any point of their cycle, or once', async t => {
  const speeds = (trouble: object, random: () => number) => {
    const { clock, server } = bench()
    planSlowdown(clock, server, { every: undefined, at: undefined, lasts: 2, speed: 0.5, ...trouble }, random)
    return Array.from({ length: 12 }, (_, i) => { clock.runUntil(i + 0.5); return server.speed })
  }
  t.same(speeds({ every: 5 }, () => 0), [0.5, 0.5, 1, 1, 1, 0.5, 0.5, 1, 1, 1, 0.5, 0.5])
  t.same(speeds({ every: 5 }, () => 0.2), [0.5, 1, 1, 1, 0.5, 0.5, 1, 1, 1, 0.5, 0.5, 1])
  t.same(speeds({ every: 5 }, () => 0.8), [1, 0.5, 0.5, 1, 1, 1, 0.5, 0.5, 1, 1, 1, 0.5])
  t.same(speeds({ at: 3 }, () => 0.9), [1, 1, 1, 0.5, 0.5, 1, 1, 1, 1, 1, 1, 1])
})

t.test('Outages come round', async t => {
  const { clock, server } = bench()
  planOutages(clock, server, { up: 2, down: 1 }, () => 0.5)
  t.same(Array.from({ length: 8 }, (_, i) => { clock.runUntil(i + 0.5); return server.down ? 'down' : 'up' }),
    ['up', 'down', 'up', 'up', 'down', 'up', 'up', 'down'])
})
