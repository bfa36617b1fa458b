import t from 'tap'
import { Buffered, bufferedInProcess, isFull } from '../../lib/plugin/buffered.js'
import { ClientSession } from '../../lib/plugin/client-session.js'

const limits = { maxStreams: 1, maxBuffered: 100, maxBufferedPerConnection: 50 }

t.test('bytes count for the session and the process until the response is released', async t => {
  const session = new ClientSession()
  const first = new Buffered(limits, session)
  const second = new Buffered(limits, undefined)
  first.set(40)
  t.notOk(first.full)
  first.set(50)
  t.ok(first.full)
  t.notOk(second.full, 'the connection of another client is not full')
  second.set(50)
  t.ok(second.full)
  t.ok(isFull(limits, undefined))
  first.set(10)
  t.equal(session.bytes, 10)
  t.equal(bufferedInProcess(), 60)
  first.release()
  second.release()
  // What is still read away behind it is of no interest.
  first.set(50)
  t.equal(session.bytes, 0)
  t.equal(bufferedInProcess(), 0)
})
