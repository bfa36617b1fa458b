import { expect, plain, type Attack } from '../harness/attack.js'

/** A response, the method that it answers, and the statuses that are right. */
const RESPONSES: Array<[bytes: string, method: string, statuses: string[]]> = [
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'GET', ['200']],
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'POST', ['200']],
  ['HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'GET', ['200']],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'GET', ['502']],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 'GET', ['502']],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n', 'GET', ['502']],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'GET', ['502']],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!', 'GET', ['502']],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'GET', ['502']],
  ['HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n', 'GET', ['426']],
  ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 'GET', ['304']],
  ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsmuggle', 'GET', ['200']],
  ['\0\xff\x16\x03\x01garbage\r\n\r\n', 'GET', ['502']],
  ['HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', 'GET', ['502']],
  ['HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n', 'GET', ['502']],
  [`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}\r\nContent-Length: 0\r\n\r\n`, 'GET', ['502']]
]

export const oddResponses: Attack = {
  name: 'odd-responses',
  sent: `${RESPONSES.length} responses that are malformed, that two readers could understand in two ways, or that nobody asked for`,
  targets: [(socket, head) => { socket.write(RESPONSES[Number(/^\w+ \/(\d+)/.exec(head)![1])]![0], 'latin1') }],
  gateway: targets => ({ plugin: plain(targets, { health: { passive: false }, retry: { attempts: 2, backoff: { base: 1, max: 1 } } }) }),
  async run (stage) {
    for (const [i, [bytes, method, statuses]] of RESPONSES.entries()) {
      const got = await stage.ask(`${method} /${i} HTTP/1.1\r\nHost: x\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}Connection: close\r\n\r\n`, 3_000)
      const status = [...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status!).find(status => status >= '200') ?? 'nothing'
      expect(statuses.includes(status), `${JSON.stringify(bytes.slice(0, 60))} became ${status}`)
      expect(!got.includes('smuggle'), 'bytes behind a response reached a client')
    }
    const posts = stage.heads.filter(head => head.startsWith('POST')).length
    expect(posts === 1, `a POST was sent ${posts} times`)
    return 'passed on, or 502; no POST was sent twice'
  }
}
