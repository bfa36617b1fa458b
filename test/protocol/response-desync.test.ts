/** Targets that answer oddly: what is not the answer to a client's own request never comes to it, and every client gets whole answers, or none. */
import t, { type Test } from 'tap'
import type { Socket } from 'node:net'
import type { LoadBalancerOptions, UpstreamOptions } from '../../lib/index.js'
import { startGateway, startRawTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'
import { WireClient, type Answer } from './wire/client.js'
import { Malformed, readMessage } from './wire/message.js'

const answer = (fields: string, body = '', status = '200 OK'): string => `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\n${fields}\r\n\r\n${body}`
const OK = answer('Content-Length: 2', 'ok')
const POISON = answer('Content-Length: 6', 'poison')

/** What the client of the odd answer gets: status and body, or a connection that breaks off. */
type Got = [status: number, body?: string] | 'cut'

interface Odd { name: string, bytes: string, got: Got, method?: string }

const odd = (name: string, got: Got, bytes: string, method = 'GET'): Odd => ({ name, bytes, got, method })

const BAD: Got = [502]

const answers: Odd[] = [
  // Two answers, or more than one.
  odd('two answers in one write', [200, 'ok'], OK + POISON),
  odd('three', [200, 'ok'], OK + POISON + POISON),
  odd('two, the first in chunks', [200, 'ok'], answer('Transfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n') + POISON),
  odd('an answer behind one that closes', [200, 'ok'], answer('Connection: close\r\nContent-Length: 2', 'ok') + POISON),
  odd('an answer and the beginning of another', [200, 'ok'], `${OK}HTTP/1.1 200 OK\r\nContent-Le`),
  odd('an answer and garbage', [200, 'ok'], `${OK}garbage`),
  odd('an answer and a space', [200, 'ok'], `${OK} `),
  odd('more than its length', [200, 'o'], answer('Content-Length: 1', 'ok')),
  odd('an answer in what is too long', [200, ''], answer('Content-Length: 0', POISON)),
  odd('HEAD with a body that is an answer', [200, ''], answer(`Content-Length: ${POISON.length}`, POISON), 'HEAD'),
  odd('204 with a body that is an answer', [204, ''], answer('X: y', POISON, '204 No Content')),
  odd('204 with a length and a body', [204, ''], answer('Content-Length: 6', 'poison', '204 No Content')),
  odd('204 with a length and none', [204, ''], answer('Content-Length: 6', '', '204 No Content')),
  odd('204 with chunks', [204, ''], answer('Transfer-Encoding: chunked', '6\r\npoison\r\n0\r\n\r\n', '204 No Content')),
  odd('304 with a length', [304, ''], answer('Content-Length: 6', '', '304 Not Modified')),
  odd('304 with a body that is an answer', [304, ''], answer(`Content-Length: ${POISON.length}`, POISON, '304 Not Modified')),
  odd('304 with a coding', [304, ''], answer('Transfer-Encoding: chunked', '', '304 Not Modified')),
  odd('an interim answer, and the answer', [200, 'ok'], `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`),
  odd('many interim answers', [200, 'ok'], 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50) + OK),
  odd('an interim answer with a length and a body', [200, 'ok'], `HTTP/1.1 103 Early Hints\r\nContent-Length: ${OK.length}\r\n\r\n${OK}`),
  odd('another protocol that nobody asked for', BAD, answer('Connection: upgrade\r\nUpgrade: x', POISON, '101 Switching Protocols')),
  odd('a 101 without one', BAD, answer('X: y', POISON, '101 Switching Protocols')),
  // How long it is.
  odd('less than its length, and closed', 'cut', answer('Connection: close\r\nContent-Length: 10', 'ok')),
  odd('a length and chunks', BAD, answer('Content-Length: 2\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n')),
  odd('chunks and a length', BAD, answer('Transfer-Encoding: chunked\r\nContent-Length: 2', '2\r\nok\r\n0\r\n\r\n')),
  ...['2, 2', '+2', '-2', '0x2', '', 'two', '2 2', '99999999999999999999'].map(length => odd(`Content-Length ${JSON.stringify(length)}`, BAD, answer(`Content-Length: ${length}`, 'ok'))),
  odd('a length twice', BAD, answer('Content-Length: 2\r\nContent-Length: 2', 'ok')),
  odd('two lengths', BAD, answer('Content-Length: 2\r\nContent-Length: 200', 'ok')),
  odd('Content-Length with a space before its colon', BAD, answer('Content-Length : 2', 'ok')),
  odd('a chunk that has no size', 'cut', answer('Transfer-Encoding: chunked', 'x\r\nok\r\n0\r\n\r\n')),
  odd('a chunk of negative size', 'cut', answer('Transfer-Encoding: chunked', '-2\r\nok\r\n0\r\n\r\n')),
  odd('a chunk of more than any size', 'cut', answer('Transfer-Encoding: chunked', 'FFFFFFFFFFFFFFFF2\r\nok\r\n0\r\n\r\n')),
  odd('a chunk that is longer than it says', 'cut', answer('Transfer-Encoding: chunked', '2\r\nokay\r\n0\r\n\r\n')),
  odd('a chunk with an extension', [200, 'ok'], answer('Transfer-Encoding: chunked', '2;a=b\r\nok\r\n0\r\n\r\n')),
  odd('a trailer that says how long it was', 'cut', answer('Transfer-Encoding: chunked', '2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n')),
  // How it is coded: what cannot be decoded here is no response (nginx and HAProxy: 502).
  ...['gzip', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'identity', 'x', '', 'chunked;q=1', '"chunked"', 'chunke'].map(coding =>
    odd(`Transfer-Encoding ${JSON.stringify(coding)}`, BAD, answer(`Transfer-Encoding: ${coding}\r\nConnection: close`, '2\r\nok\r\n0\r\n\r\n'))),
  odd('a coding twice', BAD, answer('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n')),
  odd('a coding that is not understood, and then chunks', BAD, answer('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n')),
  odd('a coding in capital letters, with spaces around it', [200, 'ok'], answer('Transfer-Encoding:  CHUNKED ', '2\r\nok\r\n0\r\n\r\n')),
  odd('a 100 that nobody asked for', [200, 'ok'], `HTTP/1.1 100 Continue\r\n\r\n${OK}`),
  odd('a 100 with headers, before and behind another interim response', [200, 'ok'], `HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}`),
  odd('an interim response that is not known', [200, 'ok'], `HTTP/1.1 199 Odd\r\n\r\n${OK}`),
  // Lines.
  odd('bare line feeds', BAD, OK.replaceAll('\r\n', '\n')),
  odd('a folded field', BAD, answer('A: b\r\n c\r\nContent-Length: 2', 'ok')),
  odd('a carriage return in a value', BAD, answer('A: b\rSet-Cookie: c\r\nContent-Length: 2', 'ok')),
  ...['\0', '\x01', '\x0b', '\x7f'].map(byte => odd(`${JSON.stringify(byte)} in a value`, BAD, answer(`A: b${byte}\r\nContent-Length: 2`, 'ok'))),
  ...['(A)', 'A ', 'A B', '', ':status', 'A\xe9', 'A\0'].map(name => odd(`field name ${JSON.stringify(name)}`, BAD, answer(`${name}: b\r\nContent-Length: 2`, 'ok'))),
  odd('a field without a colon', BAD, answer('A\r\nContent-Length: 2', 'ok')),
  odd('a field of 20 KB', BAD, answer(`A: ${'b'.repeat(20_000)}\r\nContent-Length: 2`, 'ok')),
  odd('2,500 fields', [200, 'ok'], answer(`${Array.from({ length: 2_500 }, (_, i) => `a${i}:`).join('\r\n')}\r\nContent-Length: 2`, 'ok')),
  odd('fields that every object has', [200, 'ok'], answer('__proto__: a\r\nconstructor: b\r\nhasOwnProperty: c\r\nContent-Length: 2', 'ok')),
  ...['000', '099', '99', '20', '600', '999', '2000', '2x0', '-200'].map(status => odd(`status ${status}`, BAD, answer('Content-Length: 2', 'ok', `${status} OK`))),
  ...['HTTP/1.9', 'HTTP/3.0', 'http/1.1', 'HTTP/01.1', 'ICY'].map(version => odd(version, BAD, OK.replace('HTTP/1.1', version))),
  odd('no reason', [200, 'ok'], answer('Content-Length: 2', 'ok', '200')),
  odd('HTTP/1.0', [200, 'ok'], OK.replace('HTTP/1.1', 'HTTP/1.0')),
  odd('HTTP/1.0 that closes, and more', [200, 'ok'], OK.replace('HTTP/1.1', 'HTTP/1.0') + POISON),
  odd('no headers at all', BAD, 'poison'),
  odd('the greeting of another protocol', BAD, '220 mail.example ESMTP\r\n'),
  odd('a request', BAD, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  odd('nothing, and closed', BAD, '')
]

const FEW: UpstreamOptions = { pool: { connections: 1 }, limits: { maxRequests: 1, queue: { size: 100, timeout: 10_000 } }, retry: false, health: { passive: false } }

/** A target that answers `/odd` as told, and all else with its path. It reads on after that. */
async function startOddTarget (t: Test, odd: (socket: Socket) => void): Promise<{ url: string, sockets: Set<Socket> }> {
  return await startRawTarget(t, socket => {
    // What it writes is to be there at once, not to be held back until the gateway has said that it has the rest.
    socket.setNoDelay(true)
    let bytes = Buffer.alloc(0)
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
      for (let whole = readMessage(bytes, { of: 'request' }); whole !== undefined; whole = readMessage(bytes, { of: 'request' })) {
        bytes = bytes.subarray(whole.length)
        const [, path = ''] = whole.message.start.split(' ')
        if (path === '/odd') odd(socket)
        else socket.write(answer(`Content-Length: ${path.length}`, path))
      }
    })
  })
}

async function start (t: Test, target: { url: string }): Promise<string> {
  const options: LoadBalancerOptions = { upstreams: { shop: { targets: [target.url], ...FEW } }, routes: { '/': 'shop' } }
  return (await startGateway(t, options)).url
}

async function ask (url: string, path: string, method = 'GET'): Promise<Answer | 'cut'> {
  const client = await WireClient.open(url)
  client.send(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  try {
    return await client.next(method === 'HEAD') ?? 'cut'
  } catch (error) {
    if (error instanceof Malformed && error.message.startsWith('half an answer')) return 'cut'
    throw error
  }
}

async function others (t: Test, url: string): Promise<void> {
  const paths = ['/a', '/b', '/c']
  const answers = await Promise.all(paths.map(async path => await ask(url, path)))
  t.strictSame(answers.map(answer => answer === 'cut' ? answer : answer.body.toString()), paths, 'others get their own answers')
}

function check (t: Test, answer: Answer | 'cut', got: Got): void {
  if (got === 'cut') {
    t.equal(answer, 'cut')
    return
  }
  const { status, body, fields } = answer as Answer
  t.equal(status, got[0])
  if (got[1] !== undefined) t.equal(body.toString(), got[1])
  t.notMatch(JSON.stringify([...fields, body.toString()]), /poison|127\.0\.0\.1/)
  if (status === 204) t.notOk(fields.some(([name]) => name === 'content-length'), 'RFC 9110 §8.6')
}

t.test('odd answers', async t => {
  for (const { name, bytes, got, method } of answers) {
    await t.test(name, async t => {
      const target = await startOddTarget(t, socket => {
        socket.write(Buffer.from(bytes, 'latin1'))
        if (bytes === '' || bytes.includes('Connection: close')) socket.end()
      })
      const url = await start(t, target)
      // The others are asked for at once, and wait for the one connection: the odd answer is followed by their requests.
      const [answer] = await Promise.all([ask(url, '/odd', method), others(t, url)])
      check(t, answer, got)
      await others(t, url)
    })
  }
})

t.test('what comes when nobody has asked ends the connection', async t => {
  for (const late of [POISON, 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', 'x', 'HTTP/1.1 100 Continue\r\n\r\n']) {
    const target = await startOddTarget(t, socket => socket.write(OK))
    const url = await start(t, target)
    for (let i = 0; i < 5; i++) {
      check(t, await ask(url, '/odd'), [200, 'ok'])
      const [socket] = [...target.sockets].filter(socket => !socket.destroyed)
      // What is written here is in the gateway's buffers before the next request is: it must look there before it writes.
      socket!.write(late)
      await others(t, url)
      await until(() => socket!.destroyed, 'that connection is closed')
    }
  }
})

t.test('an early answer to an upload, and another when all of it is there', async t => {
  const target = await startRawTarget(t, socket => {
    let seen = ''
    socket.on('data', chunk => {
      const first = seen === ''
      seen += chunk.toString('latin1')
      if (seen.startsWith('GET')) {
        const [, path = ''] = seen.split(' ')
        seen = ''
        socket.write(answer(`Content-Length: ${path.length}`, path))
      } else if (first) {
        socket.write(answer('Content-Length: 5', 'early', '413 Content Too Large'))
      } else if (seen.includes('\r\n0\r\n\r\n')) {
        socket.write(POISON)
      }
    })
  })
  const url = await start(t, target)
  const client = await WireClient.open(url)
  client.send('POST /odd HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
  check(t, (await client.next())!, [413, 'early'])
  client.send('5\r\nworld\r\n0\r\n\r\n')
  await others(t, url)
})

t.test('a target that takes the body of a GET for the next request, and answers it when the next one comes', async t => {
  for (const method of ['GET', 'HEAD']) {
    const target = await startRawTarget(t, socket => {
      let owed = ''
      socket.on('data', chunk => {
        const text = chunk.toString('latin1')
        const path = text.split(' ', 2)[1]!
        socket.write(owed !== '' ? owed : answer(`Content-Length: ${path.length}`, text.startsWith('HEAD') ? '' : path))
        owed = text.includes('/smuggled') ? POISON : ''
      })
    })
    const url = await start(t, target)
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    const client = await WireClient.open(url)
    client.send(`${method} /odd HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\nConnection: close\r\n\r\n${smuggled}`)
    check(t, (await client.next(method === 'HEAD'))!, [200])
    await others(t, url)
  }
})
