/** The package as it is built, by `require()` and by `import`. */
import t from 'tap'
import { createRequire } from 'node:module'
import Fastify from 'fastify'
import { ROOT } from '../helpers/root.js'

t.test('require() gives the plugin itself, import gives it by default and by name', async t => {
  const required = createRequire(`${ROOT}package.json`)('fastify-load-balancer')
  t.type(required, 'function')
  t.equal(required.loadBalancer, required)
  t.equal(required.default, required)
  const imported = await import(`${ROOT}dist/lib/index.js`) as Record<string, unknown>
  t.equal(imported.default, imported.loadBalancer)
  const app = Fastify()
  await app.register(required, { upstreams: { shop: {} } })
  t.ok((app as unknown as { upstreams: Map<string, unknown> }).upstreams.has('shop'))
  await app.close()
})
