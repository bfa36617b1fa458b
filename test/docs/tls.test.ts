/** docs/tls.md as it is written, with certificates that were made for it. */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { join } from 'node:path'
import { selfSigned, type Certificate } from '../helpers/certificates.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/tls.md')

/** A target that wants the client's certificate, and says which name it was asked for. */
async function startTlsTarget (t: Test, certificate: Certificate, client: Certificate): Promise<{ url: string, names: unknown[] }> {
  const names: unknown[] = []
  const server = createServer({ ...certificate, ca: client.cert, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    names.push((request.socket as TLSSocket & { servername?: string }).servername)
    response.end('by TLS')
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => { sockets.add(socket) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); for (const socket of sockets) socket.destroy() })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, names }
}

t.test('TLS on both sides, with a certificate of the gateway', async t => {
  const dir = t.testdir({})
  const make = (name: string, names?: string[]): Certificate => {
    mkdirSync(join(dir, name))
    return selfSigned(join(dir, name), names)
  }
  const front = make('front')
  const internal = make('internal', ['DNS:shop.internal', 'DNS:two.shop.internal'])
  const client = make('client')
  for (const [file, text] of [['tls.key', front.key], ['tls.crt', front.cert], ['internal-ca.crt', internal.cert], ['client.crt', client.cert], ['client.key', client.key]] as const) writeFileSync(join(dir, file), text)
  const targets = [await startTlsTarget(t, internal, client), await startTlsTarget(t, internal, client)]
  const { app, upstream } = await guide.play(t, "import { readFileSync } from 'node:fs'", {
    places: { '/etc/gateway/': `${dir}/`, 'https://10.0.0.1:3443': targets[0]!.url, 'https://10.0.0.2:3443': targets[1]!.url }
  })
  t.strictSame(upstream().snapshot().targets.map(({ health }) => health), ['healthy', 'healthy'])
  const { port } = app.server.address() as AddressInfo
  const [answer] = await once(request({ host: '127.0.0.1', port, ca: front.cert, agent: false }).end(), 'response') as [IncomingMessage]
  t.equal(String(Buffer.concat(await answer.toArray() as Buffer[])), 'by TLS')
  t.strictSame([targets[0]!.names[0], targets[1]!.names[0]], ['shop.internal', 'two.shop.internal'])
})

t.test('clients show a certificate, and targets are told whose it is', async t => {
  const dir = t.testdir({ front: {}, client: {} })
  const front = selfSigned(join(dir, 'front'))
  const client = selfSigned(join(dir, 'client'))
  for (const [file, text] of [['tls.key', front.key], ['tls.crt', front.cert], ['clients-ca.crt', client.cert]] as const) writeFileSync(join(dir, file), text)
  const { app } = await guide.play(t, 'clients-ca.crt', {
    given: { readFileSync },
    places: { '/etc/gateway/': `${dir}/` },
    targets: { '*': ({ headers }, _request, response) => { response.end(headers['x-client-name']) } }
  })
  const { port } = app.server.address() as AddressInfo
  const ask = (own?: Certificate): ReturnType<typeof request> => request({ host: '127.0.0.1', port, ca: front.cert, agent: false, headers: { 'x-client-name': 'admin' }, ...own }).end()
  const [answer] = await once(ask(client), 'response') as [IncomingMessage]
  t.equal(String(Buffer.concat(await answer.toArray() as Buffer[])), 'test')
  await t.rejects(once(ask(), 'response'))
})

guide.complete(t)
