import { expect, type Attack } from '../harness/attack.js'
import { ordinary } from '../harness/ordinary.js'

/** A request, and the statuses that are right. */
const REQUESTS: Array<[bytes: string, statuses: string[]]> = [
  ['TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', ['405']],
  ['GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', ['400']],
  ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', ['400']],
  ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', ['400']],
  ['GET / HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', ['200']],
  ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n', ['400']],
  ['POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n', ['400', '501']],
  ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\nConnection: close\r\n\r\nhello', ['400']],
  ['GET / HTTP/1.1\r\nHost: x\r\n X-Folded: y\r\nConnection: close\r\n\r\n', ['400']],
  [`GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, ['414', '431']],
  [`GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(20_000)}\r\n`, ['431']]
]

export const oddRequests: Attack = {
  name: 'odd-requests',
  sent: `${REQUESTS.length} requests that two readers could understand in two ways, or that are too long`,
  targets: [ordinary, ordinary, ordinary, ordinary],
  gateway: targets => ({
    plugin: { upstreams: { shop: { targets }, hashed: { targets, policy: { name: 'hash', key: 'path' } }, loop: {} }, routes: { '/': 'shop', '/hashed': 'hashed', '/loop': 'loop' } },
    // A gateway that is its own target.
    listening: (app, url) => { app.upstreams.get('loop')!.add({ id: 'self', url }) }
  }),
  async run (stage) {
    for (const [bytes, statuses] of REQUESTS) {
      const got = await stage.ask(bytes)
      expect(statuses.includes(got.slice(9, 12)), `${JSON.stringify(bytes.slice(0, 50))} was answered ${got.slice(9, 12)}`)
    }
    const self = await stage.ask('GET /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 5_000)
    expect(self.startsWith('HTTP/1.1 508 '), `a gateway that is its own target answered ${self.slice(9, 12)}`)
    // A resource has one target, however its address is written.
    for (let i = 0; i < 20; i++) {
      const [origin, absolute] = await Promise.all([`/hashed/${i}`, `http://x/hashed/${i}`].map(async target => /target \d/.exec(await stage.ask(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`))?.[0]))
      expect(origin !== undefined && origin === absolute, `/hashed/${i} is at ${origin}, in absolute form at ${absolute}`)
    }
    return 'refused, or answered once; a loop ends with 508; the absolute form goes to the same target'
  }
}
