/** HTTP/2 in front, HTTP/1.1 behind: what means nothing in a frame must not come to mean something in a line. Frames are written by hand. */
import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer from '../../lib/index.js'
import { startStrictTarget } from './wire/strict-target.js'
import { Http2Client, type Ending, type Field } from './wire/http2.js'

interface Vector {
  name: string
  fields: Field[]
  body?: string
  trailers?: Field[]
  /** `refused`: the stream or the connection is reset, or the answer is 4xx; nothing arrives. Otherwise what arrives. */
  outcome: string
  /** It may be refused as well. */
  refusable?: boolean
  /** Fields that the target sees; undefined for those that it must not see. */
  sees?: Record<string, string | undefined>
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
const HELLO = 'POST /v hello'
const EMPTY = 'GET /v '

const pseudo = (given: Record<string, string | undefined>): Field[] =>
  Object.entries({ ':method': 'GET', ':scheme': 'http', ':authority': 'x', ':path': '/v', ...given }).filter((field): field is [string, string] => field[1] !== undefined)

/** A POST of `hello` with this field. */
const post = (outcome: string, ...fields: Field[]): Vector =>
  ({ name: `POST with ${JSON.stringify(fields).slice(0, 100)}`, fields: [...pseudo({ ':method': 'POST' }), ...fields], body: 'hello', outcome })

/** Where the field is not of HTTP it is dropped. */
const dropped = (...field: Field): Vector => ({ ...post(HELLO, field), sees: { x: undefined, [field[0].toLowerCase()]: undefined } })

const get = (outcome: string, given: Record<string, string | undefined>, ...fields: Field[]): Vector =>
  ({ name: `GET with ${JSON.stringify([given, ...fields]).slice(0, 100)}`, fields: [...pseudo(given), ...fields], outcome })

const vectors: Vector[] = [
  post(HELLO, ['content-length', '5']),
  post(HELLO, ['content-length', '05']),
  ...['4', '6', '0', '', '+5', '0x5', '5, 5', '99999999999999999999', '9007199254740993'].map(length => post('refused', ['content-length', length])),
  post('refused', ['content-length', '5'], ['content-length', '5']),
  post('refused', ['content-length', '5'], ['content-length', '6']),
  // Dropped, or refused, by version of Node.
  ...['5\0', '4\r\nx: y'].map(length => ({ ...post(HELLO, ['content-length', length]), refusable: true, sees: { x: undefined, 'content-length': undefined } })),
  get('refused', {}, ['content-length', '5']),
  ...['chunked', 'identity', 'chunked, identity'].map(coding => post('refused', ['transfer-encoding', coding])),
  ...['Transfer-Encoding', 'TRANSFER-ENCODING', 'A'].map(name => post('refused', [name, 'chunked'])),
  post('refused', ['connection', 'close']),
  post('refused', ['connection', 'x-forwarded-for']),
  post('refused', ['keep-alive', '5']),
  post('refused', ['proxy-connection', 'close']),
  post('refused', ['upgrade', 'h2c']),
  post('refused', ['te', 'gzip']),
  ...[
    ['a', 'b\r\nx: y'], ['a', 'b\nx: y'], ['a', 'b\rx'], ['a', 'b\0'], ['a', 'b\x01'], ['a', 'b\x7f'], ['a', ' b'], ['a', 'b '], ['a', '\tb'], ['a', `b\r\n\r\n${SMUGGLED}`],
    ['', 'x'], ['a b', 'x'], ['a:b', 'x'], ['a\r\nx', 'y'], ['a\0', 'x'], ['(a)', 'x'], ['transfer-encoding ', 'chunked'],
    ['expect', '100-continue'], ['http2-settings', 'x'], ['trailer', 'x'], ['forwarded', 'for=6.6.6.6'], ['x_forwarded_for', '6.6.6.6']
  ].map(field => dropped(...field as unknown as Field)),
  { ...post(HELLO, ['te', 'trailers']), sees: { te: 'trailers' } },
  post('refused', [':x', 'y']),
  post('refused', [':status', '200']),
  ...['/v x', `/v HTTP/1.1\r\nHost: x\r\n\r\n${SMUGGLED}`, '', 'v', 'http://evil.example/v', '*', '/v\t', '/v\0', '/v\n', '/v\x7f', '/v?a b', '/v#x', '/../v', '/..;/v', '/v\\'].map(path => get('refused', { ':path': path })),
  ...['//evil.example/v', '/v%0d%0aX:%20y'].map(path => get(`GET ${path} `, { ':path': path })),
  ...['GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\nGET', 'GET ', ' GET', 'G\0', 'G\nT', '', 'get', 'FOO', 'PRI', 'CONNECT'].map(method => get('refused', { ':method': method })),
  ...['a b', 'x/evil', 'x@evil', 'x#', 'x, y', 'x:abc', 'x\r\nA: b', '', '\xe9'].map(authority => get('refused', { ':authority': authority })),
  ...['x:80', '[::1]:80'].map(authority => ({ ...get(EMPTY, { ':authority': authority }), sees: { 'x-forwarded-host': authority } })),
  ...['http://evil/?', '', 'a b', 'x\r\nA: b'].map(scheme => get('refused', { ':scheme': scheme })),
  ...['https', 'ftp'].map(scheme => ({ ...get(EMPTY, { ':scheme': scheme }), sees: { 'x-forwarded-proto': 'http' } })),
  ...[':method', ':scheme', ':authority', ':path'].map(name => get('refused', { [name]: undefined })),
  ...[':method', ':scheme', ':authority', ':path'].map(name => get('refused', {}, [name, '/w'])),
  { name: 'a field before the pseudo-fields', fields: [['a', 'b'], ...pseudo({})], outcome: 'refused' },
  get(EMPTY, {}, ['host', 'x']),
  get('refused', {}, ['host', 'y']),
  get(EMPTY, { ':authority': undefined }, ['host', 'x']),
  get('refused', { ':authority': undefined }, ['host', 'x'], ['host', 'y']),
  get('refused', { ':authority': undefined }, ['host', 'x@evil']),
  { ...post(HELLO), name: 'trailers', trailers: [['x', 'y'], ['x-forwarded-for', '6.6.6.6']], sees: { x: undefined, 'x-forwarded-for': '127.0.0.1' } },
  ...([['content-length', '1'], ['transfer-encoding', 'chunked'], [':path', '/w'], ['connection', 'close']] as const).map(field => ({ ...post('refused'), name: `trailer ${field[0]}`, trailers: [field] })),
  { ...post(HELLO), name: 'a line end in a trailer', trailers: [['a', 'b\r\nx: y']], sees: { x: undefined } },
  { ...post(`POST /v ${SMUGGLED}`), name: 'a request for a body', body: SMUGGLED },
  { ...post(`POST /v 0\r\n\r\n${SMUGGLED}`), name: 'the last chunk and a request for a body', body: `0\r\n\r\n${SMUGGLED}` },
  { ...get(`GET /v ${SMUGGLED}`, {}), name: 'GET with a request for a body', body: SMUGGLED },
  { ...get(`HEAD /v ${SMUGGLED}`, { ':method': 'HEAD' }), name: 'HEAD with a request for a body', body: SMUGGLED },
  { ...get(EMPTY, {}, ['cookie', 'a=b'], ['cookie', 'lb_shop=x'], ['cookie', 'c=d']), name: 'cookies in crumbs, one of them ours', sees: { cookie: 'a=b; c=d' } },
  get('refused', {}, ...Array.from({ length: 200 }, (_, i): Field => [`a${i}`, '']))
]

const ASK = pseudo({ ':path': '/next/same' })

t.test('frames of HTTP/2', async t => {
  process.on('warning', warning => { if (warning.name === 'UnsupportedWarning') t.fail(String(warning)) })
  const target = await startStrictTarget(t)
  const app = Fastify({ http2: true }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  const affinity = { cookie: { secret: 'sixteen or more characters' } }
  const pool = { pool: { connections: 2 }, limits: { maxRequests: 2, queue: { size: 100, timeout: 10_000 } } }
  await app.register(loadBalancer, { upstreams: { shop: { targets: [target.url], affinity, ...pool } }, routes: { '/': 'shop' } })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })

  for (const vector of vectors) {
    await t.test(vector.name, async t => {
      target.arrived.length = 0
      const client = await Http2Client.open(url)
      const ending = await client.ask(vector.fields, vector.body, vector.trailers)
      const arrived = [...target.arrived]
      const refused = vector.outcome === 'refused' || (vector.refusable === true && isRefusal(ending))
      if (refused) {
        t.ok(isRefusal(ending), JSON.stringify(ending))
        t.strictSame(arrived, [], 'nothing arrived')
      } else {
        t.strictSame(ending, { body: vector.outcome.startsWith('HEAD') ? '' : vector.outcome })
        t.strictSame(arrived.map(({ short }) => short), [vector.outcome], 'exactly this arrived')
      }
      for (const [name, value] of refused ? [] : Object.entries(vector.sees ?? {})) {
        t.equal(arrived[0]!.fields.filter(field => field[0] === name).map(field => field[1]).join(', ') || undefined, value, name)
      }
      const same = await client.ask(ASK)
      if (ending !== 'connection closed') t.strictSame(same, { body: 'GET /next/same ' }, 'the connection goes on')
      const others = await Http2Client.open(url)
      const paths = ['/next/a', '/next/b', '/next/c']
      t.strictSame(await Promise.all(paths.map(path => others.ask(pseudo({ ':path': path })))), paths.map(path => ({ body: `GET ${path} ` })), 'others get their own answers')
      t.strictSame(target.faults.splice(0), [], 'the target has understood every byte')
      client.leave()
      others.leave()
    })
  }
})

function isRefusal (ending: Ending): boolean {
  return typeof ending === 'string' || /^\{"statusCode":4\d\d,/.test(ending.body)
}
