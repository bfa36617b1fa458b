/** A client that asks for another protocol behind requests that have no answer yet. */
import t from 'tap'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ServerResponse } from 'node:http'
import { startGateway, startTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'
import { WireClient } from './wire/client.js'

const IN_LINE = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'

t.test('what was before it is answered, and then the connection is closed', async t => {
  let answer!: ServerResponse
  const target = await startTarget(t, 'a', (_seen, _request, response) => { answer = response })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const client = await WireClient.open(url)
  client.send(IN_LINE)
  await until(() => target.seen.length === 1, 'the first is with the target')
  client.send('whatever comes next')
  answer.end('slow')
  t.equal((await client.next())?.body.toString(), 'slow')
  await client.closed
  t.equal(target.seen.length, 1)
})

t.test('when its client leaves, so does everything', async t => {
  const target = await startTarget(t, 'a', () => {})
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    const connected = once(app.server, 'connection') as Promise<[Socket]>
    const client = await WireClient.open(url)
    const [socket] = await connected
    client.send(IN_LINE)
    await until(() => target.seen.length > 0, 'the first is with the target')
    target.seen.length = 0
    client.socket[leave]()
    await until(() => socket.destroyed, 'the gateway has seen that')
  }
})
