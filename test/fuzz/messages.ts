/** Messages that are well formed, or nearly: where mutation begins. */
const HOST = 'Host: x\r\n'
const CHUNKS = '5\r\nhello\r\n3;a=b\r\nxyz\r\n0\r\nT: u\r\n\r\n'
const WEBSOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

export const REQUESTS = [
  `GET /x?y=z HTTP/1.1\r\n${HOST}Cookie: a=b; lb_shop=abc.def.ghi.jkl\r\n\r\n`,
  `HEAD /x HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS /x HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS /x HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
  `OPTIONS /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
  `POST /x HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}`,
  `POST /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTrailer: t\r\n\r\n${CHUNKS}`,
  `POST /x HTTP/1.1\r\n${HOST}Content-Length: 200000\r\n\r\n${'b'.repeat(200_000)}`,
  `PUT /x HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok`,
  `PUT /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n13880\r\n${'p'.repeat(80_000)}\r\n0\r\n\r\n`,
  `DELETE /x HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nok`,
  `DELETE /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
  `GET /x HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
  `GET http://x/y HTTP/1.1\r\n${HOST}TE: trailers\r\nConnection: TE, x-a\r\nX-A: 1\r\n\r\n`,
  `POST /x HTTP/1.0\r\n${HOST}Connection: keep-alive\r\nContent-Length: 5\r\n\r\nhello`,
  `GET /x HTTP/1.1\r\n${HOST}${WEBSOCKET}\r\n`,
  `GET /x HTTP/1.1\r\n${HOST}${WEBSOCKET}\r\n\x81\x85\x01\x02\x03\x04hello`,
  `GET /x HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
] as const

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'

export const RESPONSES = [
  `${OK}Content-Length: 5\r\n\r\nhello`,
  `${OK}Content-Length: 5\r\nConnection: close\r\n\r\nhello`,
  `${OK}Content-Length: 5\r\nKeep-Alive: timeout=1\r\n\r\nhello`,
  `${OK}Transfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5\r\nhello\r\n10;a=b\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n`,
  `${OK}Content-Length: 150000\r\n\r\n${'c'.repeat(150_000)}`,
  `${OK}Content-Length: 400000\r\nConnection: close\r\n\r\n${'c'.repeat(400_000)}`,
  `${OK}Content-Length: 400000\r\n\r\n${'c'.repeat(300_000)}`,
  `${OK}Connection: close\r\n\r\n${'e'.repeat(300_000)}`,
  `${OK}\r\nup to the end`,
  'HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\nup to the end',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy',
  `HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100000\r\n\r\n${'d'.repeat(100_000)}`,
  `HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 9\r\n\r\n${'d'.repeat(5)}`,
  'HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
  `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  `${OK}Content-Length: 2\r\n\r\nok${OK}Content-Length: 5\r\n\r\nagain`,
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n',
  '\x16\x03\x01\x02garbage\r\n\r\n',
  '\r\n\r\n',
  'H',
  ''
] as const
