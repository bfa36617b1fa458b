/** socket.io: sessions that live in one target, and speak by many requests until they can upgrade. */
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import type { UpstreamOptions } from '../../../lib/index.js'
import { startGateway, type Ending } from '../../helpers/servers.js'
import { chat, startSocketIoTarget, type Chat, type SocketIoTarget } from '../../helpers/socket-io.js'
import { until } from '../../helpers/wait.js'

const affinity = { cookie: { secret: 'sixteen or more characters' } }

async function startShop (t: Ending, options: Partial<UpstreamOptions> = {}): Promise<{ url: string, app: FastifyInstance, targets: [SocketIoTarget, SocketIoTarget] }> {
  const targets: [SocketIoTarget, SocketIoTarget] = [await startSocketIoTarget(t, 'a'), await startSocketIoTarget(t, 'b')]
  const { url, app } = await startGateway(t, {
    upstreams: { shop: { policy: 'round-robin', targets: targets.map(({ name, url }) => ({ id: name, url })), ...options } },
    routes: { '/socket.io': 'shop' }
  })
  return { url, app, targets }
}

/** One after the other, so that both targets have their turn. */
async function connectInTurn (clients: Chat[]): Promise<void> {
  for (const { socket, welcomes } of clients) {
    socket.connect()
    await until(() => welcomes.length === 1, 'it is welcome')
  }
}

t.test('without affinity a session is looked for where it is not', async t => {
  const { url, targets } = await startShop(t)
  const { socket, errors, welcomes } = chat(t, url, { transports: ['polling'] })
  socket.connect()
  await until(() => errors.length >= 3, 'it fails, again and again')
  t.match(errors[0]!.message, /xhr (?:post|poll) error/)
  t.strictSame(welcomes, [])
  t.ok(targets.every(({ requests }) => requests.length > 0), 'both have been asked')
})

t.test('with affinity it holds by polling alone, for a client that keeps cookies', async t => {
  const { url, targets } = await startShop(t, { affinity })
  const clients = Array.from({ length: 4 }, () => chat(t, url, { transports: ['polling'], withCredentials: true }))
  await connectInTurn(clients)
  for (const { say, welcomes, transport } of clients) {
    for (let i = 0; i < 5; i++) t.equal(await say({ i, long: 'x'.repeat(100_000) }), welcomes[0])
    t.equal(transport(), 'polling')
  }
  t.strictSame([...new Set(clients.flatMap(({ welcomes }) => welcomes))].sort(), ['a', 'b'])
  t.strictSame(clients.flatMap(({ errors }) => errors), [])
  for (const { requests } of targets) {
    t.ok(requests.includes('GET polling') && requests.includes('POST polling'))
    t.notOk(requests.some(request => request.includes('websocket')))
  }
})

t.test('then it upgrades to a WebSocket, on the same target', async t => {
  const { url, targets } = await startShop(t, { affinity })
  const clients = Array.from({ length: 4 }, () => chat(t, url, { withCredentials: true }))
  await connectInTurn(clients)
  await until(() => clients.every(({ transport }) => transport() === 'websocket'), 'all have upgraded')
  for (const { say, welcomes } of clients) {
    for (let i = 0; i < 5; i++) t.equal(await say([i, 'hello']), welcomes[0])
    t.equal(welcomes.length, 1, 'it has connected once')
  }
  t.strictSame(clients.flatMap(({ errors }) => errors), [])
  for (const { name, requests } of targets) {
    t.equal(requests.filter(request => request === 'GET websocket').length, clients.filter(({ welcomes }) => welcomes[0] === name).length)
  }
})

t.test('a WebSocket from the start needs no affinity: it is one request', async t => {
  const { url } = await startShop(t)
  const clients = Array.from({ length: 4 }, () => chat(t, url, { transports: ['websocket'] }))
  for (const { socket } of clients) socket.connect()
  await until(() => clients.every(({ welcomes }) => welcomes.length === 1), 'all are welcome')
  for (const { say, welcomes } of clients) t.equal(await say('hello'), welcomes[0])
  t.strictSame(clients.flatMap(({ welcomes }) => welcomes).sort(), ['a', 'a', 'b', 'b'])
})

t.test('a target in drain keeps its clients, and gets no others', async t => {
  const { url, app, targets: [a] } = await startShop(t, { affinity })
  const polling = Array.from({ length: 2 }, () => chat(t, url, { transports: ['polling'], withCredentials: true }))
  const upgraded = Array.from({ length: 2 }, () => chat(t, url, { withCredentials: true }))
  const known = [...polling, ...upgraded]
  await connectInTurn(known)
  await until(() => upgraded.every(({ transport }) => transport() === 'websocket'), 'half of them have upgraded')
  t.strictSame(polling.map(({ welcomes }) => welcomes[0]).sort(), ['a', 'b'])
  app.upstreams.get('shop')!.update('a', { state: 'drain' })
  const requestsBefore = a.requests.length
  for (const { say, welcomes } of known) {
    for (let i = 0; i < 3; i++) t.equal(await say(i), welcomes[0], 'still where it was')
  }
  t.strictSame(known.flatMap(({ welcomes }) => welcomes).length, 4, 'nobody had to connect again')
  t.ok(a.requests.length > requestsBefore)
  const strangers = Array.from({ length: 4 }, () => chat(t, url, { withCredentials: true }))
  for (const { socket } of strangers) socket.connect()
  await until(() => strangers.every(({ welcomes }) => welcomes.length === 1), 'strangers are welcome')
  t.strictSame(strangers.flatMap(({ welcomes }) => welcomes), ['b', 'b', 'b', 'b'])
})

t.test('when a target dies its clients connect again, with the other', async t => {
  const { url, targets } = await startShop(t, { affinity })
  const clients = [chat(t, url, { transports: ['polling'], withCredentials: true }), chat(t, url, { withCredentials: true })]
  await connectInTurn(clients)
  const dies = clients[0]!.welcomes[0]!
  await targets.find(({ name }) => name === dies)!.kill()
  const other = dies === 'a' ? 'b' : 'a'
  for (const { welcomes, say } of clients) {
    if (welcomes[0] === dies) await until(() => welcomes.length >= 2, 'it is welcome elsewhere')
    t.equal(welcomes.at(-1), other)
    t.equal(await say('hello again'), other)
  }
})
