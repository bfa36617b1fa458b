/** What stands in the way of a start is told, and nothing is left running. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { startApp } from './helper.js'

t.test('a port that is taken', async t => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  t.teardown(() => { squatter.close() })
  const { port } = squatter.address() as AddressInfo
  const message = `the gateway cannot start: cannot listen on 127.0.0.1:${port}: port ${port} is taken; PORT=${port + 1} would take another\n`
  for (const WORKERS of ['1', '2']) {
    const app = startApp(t, [], { PORT: String(port), WORKERS })
    t.same(await app.exited, { code: 1, signal: null })
    t.equal(app.stderr(), message, `workers: ${WORKERS}`)
    // A target that ends with the gateway may still be noticed; what must not be said is that it runs.
    t.notMatch(app.stdout(), /gateway {2}http/)
  }
})

t.test('faults are listed, and nothing is started', async t => {
  const dir = t.testdir({
    'gateway.yaml': 'workers: two\nupstreams:\n  shop: { targets: [ftp://10.0.0.1], polici: random }\nroutes:\n  /shop: shoop\n'
  })
  const app = startApp(t, [`${dir}/gateway.yaml`], { PORT: 'http' })
  t.same(await app.exited, { code: 1, signal: null })
  const [first, ...faults] = app.stderr().trimEnd().split('\n')
  t.equal(first, `${dir}/gateway.yaml has 5 faults, so nothing was started:`)
  t.match(faults, [
    /^ {2}workers: expected 1 to 256, got "two" \(string\)$/,
    /^ {2}upstreams\.shop\.polici: unknown option; known are /,
    /^ {2}upstreams\.shop\.targets\[0\]: expected a url: .*, got "ftp:\/\/10\.0\.0\.1" \(string\)$/,
    /^ {2}routes\["\/shop"\]: no upstream "shoop"; there are shop$/,
    /^ {2}environment\.PORT: expected 0 to 65535, got "http" \(string\)$/
  ])
  t.equal(app.stdout(), '')
})

t.test('what only Fastify refuses is told as well', async t => {
  const dir = t.testdir({ 'gateway.yaml': 'listen: { port: 0 }\nupstreams: { shop: {} }\nroutes: { "/shop/:a": shop, "/shop/:b": shop }\n' })
  for (const WORKERS of ['1', '2']) {
    const app = startApp(t, [], { CONFIG: `${dir}/gateway.yaml`, WORKERS })
    t.same(await app.exited, { code: 1, signal: null })
    t.match(app.stderr(), /^the gateway cannot start: Method [^]* already declared for route '\/shop\/:b'/, `workers: ${WORKERS}`)
  }
})
