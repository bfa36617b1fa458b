/** What editors complete and check a configuration by. */
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { ROOT } from '../helpers/root.js'

// Where it is: it reads the source of the configuration.
const { schema, SCHEMA } = await import(`${ROOT}example-app/schema/write.js`) as typeof import('../../example-app/schema/write.js')

const text = readFileSync(SCHEMA, 'utf8')
const isRight = new Ajv({ allowUnionTypes: true }).compile(JSON.parse(text) as object)

t.test('it is what `npm run schema` writes', async t => {
  t.equal(text, schema())
})

t.test('it takes what the gateway takes', async t => {
  const example = readFileSync(`${ROOT}example-app/gateway.example.yaml`, 'utf8')
  t.ok(isRight(parse(example)), JSON.stringify(isRight.errors))
  for (const right of [
    { $schema: './gateway.schema.json' },
    // eslint-disable-next-line no-template-curly-in-string -- that is how a variable is written
    { workers: '${WORKERS:-4}', listen: { port: '${PORT}' } },
    { upstreams: { a: { policy: { name: 'hash', key: { header: 'x-user' }, fallback: 'random' }, retry: false, health: { passive: false } } } },
    { upstreams: { a: { discovery: { dns: 'api.internal', type: 'SRV' } } } },
    { routes: { '/': { upstream: 'a', split: { v1: 90, v2: 10 }, bodyLimit: 1, method: ['GET'], constraints: { host: 'a' } } } }
  ]) t.ok(isRight(right), JSON.stringify([right, isRight.errors]))
})

t.test('and underlines what it refuses', async t => {
  for (const wrong of [
    { worker: 2 },
    { workers: 'two' },
    { logLevel: 'loud' },
    { upstreams: { a: { polici: 'random' } } },
    { upstreams: { a: { policy: 'rr' } } },
    { upstreams: { a: { targets: [{ id: 'a' }] } } },
    { upstreams: { a: { discovery: { redis: {}, key: 'a' } } } },
    { routes: { '/': { rewritePrefix: '/' } } }
  ]) t.notOk(isRight(wrong), JSON.stringify(wrong))
})
