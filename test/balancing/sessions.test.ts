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
