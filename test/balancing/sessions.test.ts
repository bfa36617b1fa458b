import t from 'tap'
import { MemorySessions } from '../../lib/balancing/sessions.js'
import { FakeClock } from '../helpers/clock.js'

function setup ({ ttl = 600_000, max = 3 } = {}): { sessions: MemorySessions, clock: FakeClock } {
  const clock = new FakeClock()
  return { sessions: new MemorySessions({ ttl, max, now: clock.now }), clock }
}

t.test('A session is found until it was not used for its time', async t => {
  const { sessions, clock } = setup({ ttl: 1000 })
  sessions.set('s', 'a')
  clock.advance(999)
  t.equal(sessions.get('s'), 'a', 'which is a use of it')
  clock.advance(999)
  t.equal(sessions.get('s'), 'a')
  clock.advance(1000)
  t.equal(sessions.get('s'), undefined)
  t.equal(sessions.size, 0, 'what has run out is not kept')
})

t.test('A session that is not known is nobody\'s', async t => {
  const { sessions } = setup()
  t.equal(sessions.get('s'), undefined)
  t.equal(sessions.size, 0)
})

t.test('A session follows its client to another target', async t => {
  const { sessions, clock } = setup({ ttl: 1000 })
  sessions.set('s', 'a')
  clock.advance(500)
  sessions.set('s', 'b')
  clock.advance(999)
  t.equal(sessions.get('s'), 'b')
  t.equal(sessions.size, 1)
})

t.test('When there are too many, the one that was not used for longest goes', async t => {
  const { sessions } = setup({ max: 3 })
  sessions.set('1', 'a')
  sessions.set('2', 'b')
  sessions.set('3', 'c')
  sessions.get('1')
  sessions.set('2', 'b')
  sessions.set('4', 'd')
  t.equal(sessions.size, 3)
  t.equal(sessions.get('3'), undefined)
  t.same(['1', '2', '4'].map(session => sessions.get(session)), ['a', 'b', 'd'])
})

t.test('Sessions that were only seen in requests go before those that a target has issued', async t => {
  const { sessions, clock } = setup({ max: 3, ttl: 1_000 })
  sessions.set('issued 1', 'a', true)
  sessions.set('issued 2', 'b', true)
  for (let i = 0; i < 10; i++) sessions.set(`invented ${i}`, 'c')
  t.strictSame([...sessions], [['issued 1', 'a'], ['issued 2', 'b'], ['invented 9', 'c']])
  sessions.set('invented 9', 'b', true)
  t.strictSame([...sessions], [['issued 1', 'a'], ['issued 2', 'b'], ['invented 9', 'b']], 'a target has confirmed it')
  sessions.set('issued 1', 'c')
  sessions.set('issued 3', 'a', true)
  t.strictSame([...sessions], [['invented 9', 'b'], ['issued 1', 'c'], ['issued 3', 'a']], 'of issued ones, the least recently used goes')
  clock.advance(999)
  sessions.get('issued 3')
  clock.advance(1)
  sessions.set('invented', 'a')
  t.strictSame([...sessions].map(([session]) => session), ['issued 1', 'issued 3', 'invented'], 'one whose time is over makes room first')
})
