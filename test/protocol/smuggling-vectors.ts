/**
 * Requests that readers may disagree about, as bytes. Where the RFCs leave a choice, `outcome` is what this gateway does on every Node it runs on.
 * `SMUGGLED` is what must never be taken for a request when it is part of another.
 */

export interface Vector {
  name: string
  /** The section that decides it. */
  rfc: string
  bytes: string
  outcome: Outcome
  /** Fields that the target sees of the first request; undefined for those that it must not see. */
  sees?: Record<string, string | undefined>
  /** The outcome where the gateway's own route has had the body parsed, if it is another. */
  parsed?: Outcome
}

/**
 * - `refused`: 4xx or 5xx and closed, or just closed; nothing arrives
 * - `answered`: 4xx by the gateway itself; nothing arrives, and the connection goes on
 * - `unfinished`: more is waited for; when the client leaves, no target has had a whole request
 * - requests in short: these arrive, and are answered, once each
 * - `before`: these may have arrived, once each, and then the connection is closed
 */
export type Outcome = 'refused' | 'answered' | 'unfinished' | string[] | { before: string[] }

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
/** `hello` in one chunk. */
const CHUNKED = '5\r\nhello\r\n0\r\n\r\n'
const SMUGGLED_CHUNK = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`
/** More fields than Node keeps. */
const MANY = Array.from({ length: 1_100 }, () => 'a:\r\n').join('')

const HELLO = ['POST /v hello']
const EMPTY = ['GET /v ']

const request = (line: string, fields: string, body = ''): string => `${line}\r\n${fields}\r\n\r\n${body}`
const post = (fields: string, body: string): string => request('POST /v HTTP/1.1', `Host: x\r\n${fields}`, body)
const get = (fields: string): string => request('GET /v HTTP/1.1', fields)

/** Several of a kind: a name or what is odd, and the outcome unless it is `usual`. */
function all (rfc: string, kind: string, usual: Outcome, make: (odd: string) => string, odds: Array<string | [string, Outcome]>): Vector[] {
  return odds.map(entry => {
    const [odd, outcome] = typeof entry === 'string' ? [entry, usual] : entry
    return { name: `${kind} ${JSON.stringify(odd.length > 70 ? `${odd.slice(0, 70)}…` : odd)}`, rfc, bytes: make(odd), outcome }
  })
}

const twoLengths: Vector[] = [
  { name: 'CL.TE: the prefix of another request behind the last chunk', bytes: post('Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\nG') },
  { name: 'TE.CL: a request in a chunk, and a length that ends before it', bytes: post('Content-Length: 4\r\nTransfer-Encoding: chunked', SMUGGLED_CHUNK) },
  { name: 'the same in the other order', bytes: post('Transfer-Encoding: chunked\r\nContent-Length: 4', SMUGGLED_CHUNK) },
  { name: 'both, and they agree', bytes: post(`Content-Length: ${CHUNKED.length}\r\nTransfer-Encoding: chunked`, CHUNKED) },
  { name: 'length 0 and chunks', bytes: post('Content-Length: 0\r\nTransfer-Encoding: chunked', SMUGGLED_CHUNK) },
  { name: 'a length and identity', bytes: post('Content-Length: 5\r\nTransfer-Encoding: identity', 'hello') },
  { name: 'a length and a coding nobody knows', bytes: post('Content-Length: 5\r\nTransfer-Encoding: xchunked', 'hello') },
  { name: 'a length and an empty coding', bytes: post('Content-Length: 5\r\nTransfer-Encoding:', 'hello') },
  { name: 'both, with `Connection: transfer-encoding`', bytes: post('Connection: transfer-encoding\r\nContent-Length: 5\r\nTransfer-Encoding: chunked', CHUNKED) },
  { name: 'both, with `Connection: content-length`', bytes: post('Connection: content-length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked', CHUNKED) }
].map(vector => ({ ...vector, rfc: '9112 §6.3', outcome: 'refused' }))

const codings: Vector[] = [
  ...all('9112 §6.1', 'Transfer-Encoding', 'refused', coding => post(`Transfer-Encoding: ${coding}`, CHUNKED), [
    ['chunked', HELLO], ['CHUNKED', HELLO], ['ChUnKeD', HELLO], ['chunked ', HELLO], [' chunked', HELLO],
    'xchunked', 'chunke', 'x-chunked', 'chunked, identity', 'identity, chunked', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked,', ', chunked',
    '"chunked"', "'chunked'", 'chunked;q=1', 'chunked identity', 'identity', 'deflate', '', '\x0bchunked', 'chunked\x0b', '\x0cchunked', '\xa0chunked', 'chunked\0', 'chu\rnked', 'chunked\r', 'chunked\n'
  ]),
  ...all('9112 §5.1', 'field', 'refused', field => post(field, CHUNKED), [
    ['Transfer-Encoding:chunked', HELLO], 'Transfer-Encoding : chunked', 'Transfer-Encoding\t: chunked', ' Transfer-Encoding: chunked', 'Transfer-Encoding\0: chunked', 'Transfer-Encoding\xa0: chunked',
    'Transfer-Encoding;: chunked', '"Transfer-Encoding": chunked', 'Transfer\\-Encoding: chunked', 'Transfer-Encoding\n: chunked', 'Transfer-Encoding:\r\n chunked', 'Transfer-Encoding: \r\n\tchunked',
    'X: x\nTransfer-Encoding: chunked', 'X: x\rTransfer-Encoding: chunked', 'X: x\r\rTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: x', 'Transfer-Encoding: x\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\ntransfer-encoding: identity'
  ]),
  // Not the field, so that there is no body, and the chunks are no request.
  ...all('9112 §6.3', 'what is no Transfer-Encoding', { before: ['POST /v '] }, field => post(field, CHUNKED), ['Transfer_Encoding: chunked', 'X-Transfer-Encoding: chunked', 'TransferEncoding: chunked', 'Content-Encoding: chunked']),
  { name: 'chunks in HTTP/1.0', rfc: '9112 §6.1', bytes: request('POST /v HTTP/1.0', 'Host: x\r\nTransfer-Encoding: chunked', CHUNKED), outcome: 'refused' },
  { name: 'chunks in HTTP/1.0 with keep-alive', rfc: '9112 §6.1', bytes: request('POST /v HTTP/1.0', 'Host: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked', CHUNKED + SMUGGLED), outcome: 'refused', parsed: { before: ['GET /smuggled '] } },
  { name: 'a coding nobody asked for, and a request behind it', rfc: '9112 §6.1', bytes: post('Transfer-Encoding: gzip, chunked', CHUNKED + SMUGGLED), outcome: 'refused', parsed: { before: ['GET /smuggled '] } }
]

const lengths: Vector[] = [
  ...all('9110 §8.6', 'Content-Length', 'refused', length => post(`Content-Length: ${length}`, 'hello'), [
    ['5', HELLO], ['5 ', HELLO], ['05', HELLO], ['00000000000000000000005', HELLO],
    '+5', '-5', '-0', '0x5', '5, 5', '5, 6', '5,', '5 5', '', 'five', '5.0', '5e0', '5;', '"5"', '5_0', '\x0b5', '5\x0b', '5\0', '5\r', '5\n', '\xef\xbc\x95',
    '18446744073709551621', '9223372036854775808', '9007199254740993', ['4294967301', 'unfinished'], ['6', 'unfinished']
  ]),
  ...all('9112 §6.3', 'fields', 'refused', field => post(field, 'hello'), [
    'Content-Length: 5\r\nContent-Length: 5', 'Content-Length: 5\r\nContent-Length: 6', 'Content-Length: 0\r\nContent-Length: 5', 'Content-Length: 5\r\ncontent-length: 0',
    'Content-Length : 5', 'Content-Length\t: 5', ' Content-Length: 5', 'Content-Length\0: 5', 'Content-Length\r: 5', 'Content-Length:\r\n 5', 'Content-Length: 5\r\n 0', 'X: x\nContent-Length: 5'
  ]),
  { name: 'a length that hides behind more fields than Node keeps', rfc: '9112 §6.3', bytes: post(`${MANY}Content-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: 'refused' },
  { name: 'chunks that hide there', rfc: '9112 §6.3', bytes: post(`${MANY}Transfer-Encoding: chunked`, SMUGGLED_CHUNK), outcome: 'refused' },
  { name: 'more fields than Node keeps', rfc: '9110 §5.4', bytes: get(`Host: x\r\n${MANY}Authorization: x`), outcome: 'refused' },
  { name: 'a field of 20 KB', rfc: '9110 §5.4', bytes: get(`Host: x\r\nA: ${'a'.repeat(20_000)}`), outcome: 'refused' }
]

const chunks: Vector[] = [
  ...all('9112 §7.1', 'chunks', 'refused', chunks => post('Transfer-Encoding: chunked', chunks), [
    ['2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', HELLO], ['0000000000000000000005\r\nhello\r\n0\r\n\r\n', HELLO], ['5\r\nhello\r\n000\r\n\r\n', HELLO],
    '0x5\r\nhello\r\n0\r\n\r\n', '-5\r\nhello\r\n0\r\n\r\n', '+5\r\nhello\r\n0\r\n\r\n', '5_0\r\nhello\r\n0\r\n\r\n', '5g\r\nhello\r\n0\r\n\r\n', '5 5\r\nhello\r\n0\r\n\r\n', '5 \r\nhello\r\n0\r\n\r\n', ' 5\r\nhello\r\n0\r\n\r\n', '5\t\r\nhello\r\n0\r\n\r\n',
    'FFFFFFFFFFFFFFFF5\r\nhello\r\n0\r\n\r\n', '10000000000000005\r\nhello\r\n0\r\n\r\n', ['FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n', 'unfinished'], ['100000005\r\nhello\r\n0\r\n\r\n', 'unfinished'],
    '\r\n5\r\nhello\r\n0\r\n\r\n', ';a\r\n\r\nhello\r\n0\r\n\r\n', '5\r\nhelloX\r\n0\r\n\r\n', '5\r\nhello0\r\n\r\n', '5\r\nhello\n0\r\n\r\n', '5\r\nhello\r0\r\n\r\n', '5\nhello\r\n0\r\n\r\n', '5\rhello\r\n0\r\n\r\n',
    '5\r\nhello\r\n0\n\n', '5\r\nhello\r\n0\r\n\n', '5\r\nhello\r\n0\r\r\n', ['5\r\nhello\r\n0\r\n', 'unfinished'], ['5\r\nhello\r\n', 'unfinished'], ['5\r\nhel', 'unfinished']
  ]),
  ...all('9112 §7.1.1', 'chunk extension', 'refused', extension => post('Transfer-Encoding: chunked', `5${extension}\r\nhello\r\n0\r\n\r\n`), [
    [';a=b', HELLO], [';a="b;c"', HELLO], ';a="\r\n"', ';', ';\n', ';a\n', ';a\rb', ';a=\0', `;${'a'.repeat(20_000)}`
  ]),
  ...all('9112 §7.1.2', 'trailers', 'refused', trailers => post('Transfer-Encoding: chunked', `5\r\nhello\r\n0\r\n${trailers}\r\n\r\n`), [
    ['X: y', HELLO], 'Content-Length: 9', 'Transfer-Encoding: chunked', 'X: y\n', 'X : y', '\0: y', ' X: y', `X: ${'y'.repeat(20_000)}`
  ]),
  { name: 'fields that count, behind the body', rfc: '9110 §6.5.1', bytes: post('Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\nHost: evil\r\nX-Forwarded-For: 6.6.6.6\r\nCookie: a=b\r\n\r\n'), outcome: HELLO, sees: { 'x-forwarded-for': '127.0.0.1', cookie: undefined } },
  { name: 'a request in a chunk', rfc: '9112 §7.1', bytes: post('Transfer-Encoding: chunked', SMUGGLED_CHUNK), outcome: [`POST /v ${SMUGGLED}`] },
  { name: 'a chunked request and another behind it', rfc: '9112 §9.3.2', bytes: post('Transfer-Encoding: chunked', CHUNKED + SMUGGLED), outcome: [...HELLO, 'GET /smuggled '] }
]

const lines: Vector[] = [
  ...all('9112 §2.2', 'line ends', 'refused', bytes => bytes, [
    'GET /v HTTP/1.1\nHost: x\n\n', 'GET /v HTTP/1.1\nHost: x\r\n\r\n', 'GET /v HTTP/1.1\r\nHost: x\nA: b\r\n\r\n', 'GET /v HTTP/1.1\r\nHost: x\r\n\n', 'GET /v HTTP/1.1\r\nHost: x\n\r\n', 'GET /v HTTP/1.1\rHost: x\r\r',
    'GET /v\r HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /v HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n', 'GET /v HTTP/1.1\r\r\nHost: x\r\r\n\r\r\n', 'GET /v HTTP/1.1\r\nHost: x\r\r\n\r\n', ' GET /v HTTP/1.1\r\nHost: x\r\n\r\n',
    ['\r\nGET /v HTTP/1.1\r\nHost: x\r\n\r\n', EMPTY], ['\r\n\r\nGET /v HTTP/1.1\r\nHost: x\r\n\r\n', EMPTY]
  ]),
  ...all('9112 §5', 'field line', 'refused', line => get(`Host: x\r\n${line}`), [
    'A: b\r\n c', 'A: b\r\n\tc', ' A: b', 'A : b', 'A\t: b', 'abc', ': abc', 'A B: c', '(A): b', 'A\xe9: b', 'A\0b: c', 'A: b\0c', 'A: b\x01c', 'A: b\x0bc', 'A: b\x7fc',
    ['A: b\xe9', EMPTY], ['A:b', EMPTY], ['A:', EMPTY], ['__proto__: x', EMPTY], ['constructor: x', EMPTY], ["!#$%&'*+-.^_`|~: x", EMPTY]
  ]),
  ...all('9112 §3', 'request line', 'refused', line => request(line, 'Host: x'), [
    'GET /v HTTP/1.1 HTTP/1.1', 'GET /v HTTP/1.1 ', 'GET /v HTTP/1.1x', 'GET /v http/1.1', 'GET /v HTTP/01.1', 'GET /v HTTP/1.2', 'GET /v HTTP/2.0', 'GET /v HTTP/3', 'GET /v HTTP/0.9', 'GET /v', 'PRI * HTTP/2.0', 'GET  HTTP/1.1',
    'GET\t/v\tHTTP/1.1', 'GET /v\tHTTP/1.1', 'get /v HTTP/1.1', 'GET: /v HTTP/1.1', 'G\0ET /v HTTP/1.1', 'FOO /v HTTP/1.1', 'CONNECT x:80 HTTP/1.1', 'CONNECT /v HTTP/1.1', ['GET  /v HTTP/1.1', EMPTY]
  ]),
  { name: 'HTTP/2.0 in a request line, with a body', rfc: '9112 §2.3', bytes: request('POST /v HTTP/2.0', 'Host: x\r\nContent-Length: 5', 'hello'), outcome: 'refused' },
  { name: 'HTTP/1.0 without Host', rfc: '9112 §3.2', bytes: 'GET /v HTTP/1.0\r\n\r\n', outcome: EMPTY },
  { name: 'HTTP/1.0 with keep-alive and a length', rfc: '9112 §9.3', bytes: request('POST /v HTTP/1.0', 'Host: x\r\nConnection: keep-alive\r\nContent-Length: 5', 'hello'), outcome: HELLO }
]

const targets: Vector[] = [
  ...all('9112 §3.2', 'request target', 'refused', target => request(`GET ${target} HTTP/1.1`, 'Host: x'), [
    'x:80', 'v', '@evil/v', '.evil/v', '?x', '/v x', '/v\0', '/v\x0b', '/v\tx', '/v\x7f', '/v\xe9',
    ['http://x/v', EMPTY], ['HTTP://X/v', EMPTY], ['http://x', ['GET / ']], ['http://x?a', ['GET /?a ']], ['http://x?a/v', 'answered'], ['http:///x/v', 'answered'], ['http://x//evil.example/v', ['GET //evil.example/v ']], ['http://x/v#', 'answered'], ['http://x@evil.example/v', 'answered'], ['http://evil.example/v', 'answered'], ['https://evil.example/v', 'answered'], ['http:///v', 'answered'], ['*', 'answered'],
    ['/v#/../x', 'answered'], ['/v?a#b', 'answered'], ['/../v', 'answered'], ['/%2e%2E/v', 'answered'], ['/..;/v', 'answered'], ['/..%2Fv', 'answered'], ['/\\..\\..\\v', 'answered'], ['/v%zz', 'answered'],
    ['//evil.example/v', ['GET //evil.example/v ']], ['/v%00', 'answered'], ['/v?/../..', ['GET /v?/../.. ']], ['/v%0d%0aX:%20y?a=%0d%0aB:%20c', ['GET /v%0d%0aX:%20y?a=%0d%0aB:%20c ']], ['/v%20HTTP/1.1%0d%0aHost:%20evil', ['GET /v%20HTTP/1.1%0d%0aHost:%20evil ']]
  ]),
  { name: 'OPTIONS *', rfc: '9112 §3.2.4', bytes: request('OPTIONS * HTTP/1.1', 'Host: x'), outcome: 'answered' },
  { name: 'a path that is refused, with a request in its body', rfc: '9112 §9.3', bytes: request('POST /../v HTTP/1.1', `Host: x\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: 'answered' }
]

const hosts: Vector[] = [
  ...all('9112 §3.2', 'Host', 'refused', get, [
    ['Host: x:8080', EMPTY], ['Host: [::1]:80', EMPTY], ['Host: x.example.', EMPTY],
    'A: b', 'Host:', 'Host: \t ', 'Host: :80', 'Host: :', 'Host: .', 'Host: ..', 'Host: x..y', 'Host: .x', 'Host: []', 'Host: x\r\nHost: x', 'Host: x\r\nHost: y', 'Host: x\r\nhost: y', 'Host: x\r\n y', ' Host: x\r\nHost: y', 'Host: a b', 'Host: x@evil', 'Host: x/evil', 'Host: x?y', 'Host: x#y', 'Host: x\\y', 'Host: x:abc', 'Host: x:80:80', 'Host: x, y', 'Host: "x"', 'Host: http://x', 'Host: [::1', 'Host: x\ty', 'Host: x\0', 'Host: \xe9'
  ]),
  { name: 'two hosts, and a request behind it', rfc: '9112 §9.6', bytes: get('Host: x\r\nHost: y') + SMUGGLED, outcome: 'refused' },
  { name: 'no host in HTTP/1.0', rfc: '9112 §3.2', bytes: request('GET /v HTTP/1.0', 'A: b'), outcome: EMPTY },
  { name: 'an empty host in HTTP/1.0', rfc: '9112 §3.2', bytes: request('GET /v HTTP/1.0', 'Host:'), outcome: 'refused' },
  { name: 'the absolute form, and an empty host', rfc: '9110 §4.2.1', bytes: request('GET http://x/v HTTP/1.1', 'Host:'), outcome: 'refused' },
  { name: 'two hosts in HTTP/1.0', rfc: '9112 §3.2', bytes: request('GET /v HTTP/1.0', 'Host: x\r\nHost: y'), outcome: 'refused' }
]

const OURS = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'x', 'x-forwarded-proto': 'http', via: '1.1 fastify-load-balancer' }

const connections: Vector[] = [
  ...['x-forwarded-for, x-forwarded-host, x-forwarded-proto, x-forwarded-port', 'via, x-request-id', 'host', 'content-length', 'transfer-encoding', 'content-length, close', 'connection', 'keep-alive, close', 'cookie, , ;', '__proto__, constructor', 'expect, upgrade'].map(names => ({
    name: `Connection: ${names}`,
    rfc: '9110 §7.6.1',
    bytes: post(`Connection: ${names}\r\nContent-Length: 5`, 'hello'),
    outcome: HELLO,
    sees: { ...OURS, connection: 'keep-alive', 'content-length': '5' }
  })),
  { name: 'Connection: transfer-encoding, on chunks', rfc: '9110 §7.6.1', bytes: post('Connection: transfer-encoding\r\nTransfer-Encoding: chunked', CHUNKED), outcome: HELLO, sees: OURS },
  { name: 'Connection names fields of the client’s own, and one for every recipient', rfc: '9110 §7.6.1', bytes: get('Host: x\r\nCookie: a=b\r\nX-Private: 1\r\nX-Other: 2\r\nConnection: cookie, X-Private'), outcome: EMPTY, sees: { ...OURS, cookie: 'a=b', 'x-private': undefined, 'x-other': '2' } },
  { name: 'fields of the connection', rfc: '9110 §7.6.1', bytes: get('Host: x\r\nKeep-Alive: 300\r\nProxy-Connection: close\r\nTE: gzip\r\nTrailer: Content-Length\r\nUpgrade: h2c'), outcome: EMPTY, sees: { ...OURS, 'keep-alive': undefined, 'proxy-connection': undefined, te: undefined, trailer: undefined, upgrade: undefined } },
  { name: 'spoofed fields, in every spelling', rfc: '7239 §8.1', bytes: get('Host: x\r\nX-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Host: evil\r\nForwarded: for=6.6.6.6\r\nx-forwarded-proto: https'), outcome: EMPTY, sees: { ...OURS, x_forwarded_for: undefined, 'x-forwarded_host': undefined, forwarded: undefined } },
  { name: 'line ends in values, percent-encoded', rfc: '9110 §5.5', bytes: get('Host: x\r\nX-Forwarded-For: a%0d%0aX-Injected: y\r\nCookie: a=%0d%0aX-Injected: y\r\nX-Request-Id: a%0d%0aX-Injected: y'), outcome: EMPTY, sees: { ...OURS, 'x-injected': undefined, cookie: 'a=%0d%0aX-Injected: y' } }
]

const expectations: Vector[] = [
  { name: 'Expect with a sized body', rfc: '9110 §10.1.1', bytes: post('Expect: 100-continue\r\nContent-Length: 5', 'hello'), outcome: HELLO, sees: { expect: undefined } },
  { name: 'Expect with chunks', rfc: '9110 §10.1.1', bytes: post('Expect: 100-continue\r\nTransfer-Encoding: chunked', CHUNKED), outcome: HELLO, sees: { expect: undefined } },
  { name: 'Expect without a body', rfc: '9110 §10.1.1', bytes: get('Host: x\r\nExpect: 100-continue'), outcome: EMPTY, sees: { expect: undefined } },
  { name: 'Expect, obfuscated', rfc: '9110 §10.1.1', bytes: post('Expect: y 100-continue\r\nContent-Length: 5', 'hello'), outcome: HELLO, sees: { expect: undefined } },
  { name: 'another expectation, with a request for a body', rfc: '9110 §10.1.1', bytes: post(`Expect: x\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: 'answered' }
]

const WEBSOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
const H2C = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'

const protocols = { h2c: H2C, WebSocket: WEBSOCKET, 'what nobody knows': 'Connection: Upgrade\r\nUpgrade: x/1', 'one of several': 'Connection: Upgrade\r\nUpgrade: h2c, x, websocket' }

/** Routes that parse bodies do not take upgrades: there the request is one like any other, and so is what is behind it. */
const upgrades: Vector[] = [
  ...Object.entries(protocols).flatMap(([name, fields]): Vector[] => [
    { name: `an upgrade to ${name}, with a body that is a request`, rfc: '9110 §7.8', bytes: post(`${fields}\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: [`POST /v ${SMUGGLED}`], sees: { upgrade: undefined, 'http2-settings': undefined } },
    { name: `an upgrade to ${name}, with chunks that are a request`, rfc: '9110 §7.8', bytes: post(`${fields}\r\nTransfer-Encoding: chunked`, SMUGGLED_CHUNK), outcome: [`POST /v ${SMUGGLED}`] },
    { name: `an upgrade to ${name}, and GET with a body that is a request`, rfc: '9110 §7.8', bytes: request('GET /v HTTP/1.1', `Host: x\r\n${fields}\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: [`GET /v ${SMUGGLED}`] },
    { name: `an upgrade to ${name}, with both lengths`, rfc: '9112 §6.3', bytes: post(`${fields}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked`, CHUNKED), outcome: 'refused' },
    { name: `an upgrade to ${name}, with a coding nobody asked for`, rfc: '9112 §6.1', bytes: post(`${fields}\r\nTransfer-Encoding: gzip, chunked`, CHUNKED), outcome: 'refused' },
    { name: `an upgrade to ${name}, with a length that hides behind more fields than Node keeps`, rfc: '9112 §6.3', bytes: post(`${fields}\r\n${MANY}Content-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: 'refused' },
    { name: `an upgrade to ${name}, with two hosts`, rfc: '9112 §3.2', bytes: get(`Host: x\r\nHost: y\r\n${fields}`) + SMUGGLED, outcome: 'refused' },
    { name: `an upgrade to ${name}, behind another request`, rfc: '9112 §9.3.2', bytes: get('Host: x') + get(`Host: x\r\n${fields}`), outcome: { before: EMPTY } },
    { name: `an upgrade to ${name}, behind two requests, and another behind it`, rfc: '9112 §9.3.2', bytes: get('Host: x') + request('GET /w HTTP/1.1', 'Host: x') + get(`Host: x\r\n${fields}`) + SMUGGLED, outcome: { before: [...EMPTY, 'GET /w '] } }
  ]),
  { name: 'an upgrade to h2c, and a request behind it', rfc: '9110 §7.8', bytes: get(`Host: x\r\n${H2C}`) + SMUGGLED, outcome: [...EMPTY, 'GET /smuggled '] },
  { name: 'an upgrade to h2c, and the preface of HTTP/2 behind it', rfc: '9113 §3.1', bytes: get(`Host: x\r\n${H2C}`) + 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', outcome: { before: EMPTY } },
  { name: 'a WebSocket that the target does not open, and a request behind it', rfc: '9110 §7.8', bytes: get(`Host: x\r\n${WEBSOCKET}`) + SMUGGLED, outcome: EMPTY, parsed: [...EMPTY, 'GET /smuggled '] },
  { name: 'a WebSocket of a version that there is not, and a request behind it', rfc: '6455 §4.4', bytes: get(`Host: x\r\n${WEBSOCKET.replace('13', '777')}`) + SMUGGLED, outcome: EMPTY, parsed: [...EMPTY, 'GET /smuggled '] },
  { name: 'a WebSocket in HTTP/1.0, and a request behind it', rfc: '9110 §7.8', bytes: request('GET /v HTTP/1.0', `Host: x\r\n${WEBSOCKET}`, SMUGGLED), outcome: { before: EMPTY } },
  { name: 'a WebSocket of a path that climbs', rfc: '9112 §3.2', bytes: request('GET /../v HTTP/1.1', `Host: x\r\n${WEBSOCKET}`), outcome: 'refused', parsed: 'answered' }
]

const bodies: Vector[] = [
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].flatMap(method => [
    { name: `${method} with a request for a body`, rfc: '9112 §6.3', bytes: request(`${method} /v HTTP/1.1`, `Host: x\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: [`${method} /v ${SMUGGLED}`] },
    { name: `${method} with a request in chunks`, rfc: '9112 §7.1', bytes: request(`${method} /v HTTP/1.1`, 'Host: x\r\nTransfer-Encoding: chunked', SMUGGLED_CHUNK), outcome: [`${method} /v ${SMUGGLED}`] }
  ]),
  ...['GET', 'HEAD'].flatMap(method => [
    { name: `${method} with a request for a body`, rfc: '9110 §9.3.1', bytes: request(`${method} /v HTTP/1.1`, `Host: x\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: [`${method} /v ${SMUGGLED}`] },
    { name: `${method} with a request in chunks`, rfc: '9110 §9.3.1', bytes: request(`${method} /v HTTP/1.1`, 'Host: x\r\nTransfer-Encoding: chunked', SMUGGLED_CHUNK), outcome: [`${method} /v ${SMUGGLED}`] }
  ]),
  { name: 'TRACE', rfc: '9110 §9.3.8', bytes: request('TRACE /v HTTP/1.1', 'Host: x'), outcome: 'answered' },
  { name: 'TRACE with a request for a body', rfc: '9110 §9.3.8', bytes: request('TRACE /v HTTP/1.1', `Host: x\r\nContent-Length: ${SMUGGLED.length}`, SMUGGLED), outcome: 'answered' },
  { name: 'TRACE with a request in chunks', rfc: '9110 §9.3.8', bytes: request('TRACE /v HTTP/1.1', 'Host: x\r\nTransfer-Encoding: chunked', SMUGGLED_CHUNK), outcome: 'answered' },
  { name: 'GET with an empty chunked body', rfc: '9112 §7.1', bytes: request('GET /v HTTP/1.1', 'Host: x\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), outcome: EMPTY },
  { name: 'GET with length 0', rfc: '9112 §6.2', bytes: get('Host: x\r\nContent-Length: 0'), outcome: EMPTY },
  { name: 'POST without a length, and a request behind it', rfc: '9112 §6.3', bytes: request('POST /v HTTP/1.1', 'Host: x', SMUGGLED), outcome: ['POST /v ', 'GET /smuggled '] },
  { name: 'two requests at once', rfc: '9112 §9.3.2', bytes: get('Host: x') + request('GET /w HTTP/1.1', 'Host: x'), outcome: [...EMPTY, 'GET /w '] },
  { name: 'a POST and a GET at once', rfc: '9112 §9.3.2', bytes: post('Content-Length: 5', 'hello') + request('GET /w HTTP/1.1', 'Host: x'), outcome: [...HELLO, 'GET /w '] },
  { name: 'a request and what is none', rfc: '9112 §9.3.2', bytes: get('Host: x') + 'X\r\n\r\n', outcome: { before: EMPTY } },
  { name: 'a body and what is no request', rfc: '9112 §9.3.2', bytes: post('Content-Length: 5', 'helloX\r\n\r\n'), outcome: { before: HELLO } },
  { name: 'Connection: close, and a request behind the body', rfc: '9112 §9.6', bytes: post('Connection: close\r\nContent-Length: 5', 'hello' + SMUGGLED), outcome: { before: HELLO } }
]

export const vectors: Vector[] = [...twoLengths, ...codings, ...lengths, ...chunks, ...lines, ...targets, ...hosts, ...connections, ...expectations, ...upgrades, ...bodies]
