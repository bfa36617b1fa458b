/** Connecting to an address under another name, the two ways that Node looks names up in. */
import t from 'tap'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fixedLookup } from '../../lib/engine/fixed-lookup.js'
import { startTarget } from '../helpers/servers.js'

t.test('whatever host is asked for is at the address', async t => {
  const { port } = await startTarget(t, 'a')
  for (const autoSelectFamily of [true, false]) {
    const socket = connect({ host: 'nowhere.example', port, autoSelectFamily, ...fixedLookup('127.0.0.1') })
    await once(socket, 'connect')
    t.equal(socket.remoteAddress, '127.0.0.1')
    socket.destroy()
  }
})

t.test('an address of version 6 is one', async t => {
  fixedLookup('::1')!.lookup('nowhere.example', {}, (...found) => { t.strictSame(found, [null, '::1', 6]) })
})

t.test('without an address, the host is looked up as ever', async t => {
  t.equal(fixedLookup(undefined), undefined)
})
