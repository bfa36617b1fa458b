import t from 'tap'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Tunnel } from '../../lib/engine/tunnel.js'
import { FakeClock } from '../helpers/clock.js'
import type { Ending } from '../helpers/servers.js'

/** Two ends of a connection: ours, and the one of whoever is there. */
async function pair (t: Ending): Promise<{ ours: Socket, theirs: Socket }> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const theirs = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [ours] = await once(server, 'connection') as [Socket]
  t.teardown(() => {
    ours.destroy()
    theirs.destroy()
    server.close()
  })
  return { ours, theirs }
}

t.test('who does not close is closed, a target soon, a client later', async t => {
  for (const [leaves, wait] of [['client', 2_000], ['target', 30_000]] as const) {
    const [client, target] = [await pair(t), await pair(t)]
    const clock = new FakeClock()
    const tunnel = new Tunnel(client.ours, target.ours, 'chat', Buffer.from('early'), clock)
    const [left, stays] = leaves === 'client' ? [client, target] : [target, client]
    left.ours.destroy()
    await once(left.ours, 'close')
    t.equal(stays.ours.destroyed, false)
    clock.advance(wait - 1)
    t.equal(stays.ours.destroyed, false, `${leaves}: not yet`)
    clock.advance(1)
    t.equal(stays.ours.destroyed, true, `${leaves}: after ${wait} ms`)
    t.equal(clock.pending, 0)
    tunnel.cut()
    t.equal(clock.pending, 0, 'there is nothing left to cut')
  }
})

t.test('what a client has sent ahead counts when it is asked whether a frame is at its end', async t => {
  const [client, target] = [await pair(t), await pair(t)]
  const got: Buffer[] = []
  target.theirs.on('data', chunk => { got.push(chunk) })
  const told = once(client.theirs, 'data')
  new Tunnel(client.ours, target.ours, 'websocket', Buffer.from([0x82, 5, 1]), new FakeClock()).cut()
  t.strictSame([...(await told)[0] as Buffer], [0x88, 2, 0x03, 0xe9], 'the client is told: nothing has gone to it yet')
  await once(target.theirs, 'end')
  t.strictSame([...Buffer.concat(got)], [0x82, 5, 1], 'the target is not: it has half a frame')
})
