/** Scripts and tests that use the plugin without a server of their own: they wait for their requests, and for nothing else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { run } from '../helpers/programs.js'
import { ROOT } from '../helpers/root.js'
import { refusedUrl, startRawTarget } from '../helpers/servers.js'

const folder = mkdtempSync(join(tmpdir(), 'scripts-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })

const HEAD = `
import Fastify from '${import.meta.resolve('fastify')}'
import loadBalancer from '${pathToFileURL(`${ROOT}dist/lib/index.js`).href}'
`

/** Runs a module without what the test runner puts into NODE_OPTIONS of its children. */
async function node (name: string, text: string, ...words: string[]): Promise<{ exit: number | null, said: string }> {
  const file = join(folder, name)
  writeFileSync(file, HEAD + text)
  const { NODE_OPTIONS, NODE_V8_COVERAGE, NODE_TEST_CONTEXT, ...env } = process.env
  const { exit, stdout, stderr } = await run(process.execPath, [...words, file], { env })
  return { exit, said: `${String(stdout)}${stderr}` }
}

const app = (targets: string[], more = ''): string => `
const app = Fastify()
await app.register(loadBalancer, { upstreams: { shop: { targets: ${JSON.stringify(targets)}, ${more} } }, routes: { '/': 'shop' } })
`

t.test('a script that awaits app.inject() gets its response when the target refuses connections', async t => {
  const { exit, said } = await node('inject.mjs', `${app([await refusedUrl()])}
    const response = await app.inject('/x')
    console.log(response.statusCode)
  `)
  t.same({ exit, said }, { exit: 0, said: '502\n' })
})

t.test('a script that awaits fetch() through a dispatcher gets its error when the target refuses connections', async t => {
  const { exit, said } = await node('fetch.mjs', `${app([await refusedUrl()])}
    await app.ready()
    await fetch('http://shop/x', { dispatcher: app.upstreams.get('shop').dispatcher }).catch(error => console.log(error.cause.code))
  `)
  t.same({ exit, said }, { exit: 0, said: 'FST_LB_BAD_GATEWAY\n' })
})

t.test('a request that waits in the queue until its timeout keeps the process alive, as does the next one after a pause', async t => {
  const target = await startRawTarget(t, () => {})
  const { exit, said } = await node('queue.mjs', `${app([target.url], 'limits: { maxRequests: 1, queue: { size: 1, timeout: 60 } }, timeouts: { headers: 300 }, retry: false')}
    const [first, second] = await Promise.all([app.inject('/a'), app.inject('/b')])
    console.log(first.statusCode, second.statusCode)
    console.log((await app.inject('/c')).statusCode)
  `)
  t.same({ exit, said }, { exit: 0, said: '504 503\n504\n' })
})

t.test('a test of node:test passes when its request fails', async t => {
  const { exit, said } = await node('some.test.mjs', `
    import test from 'node:test'
    import assert from 'node:assert'
    test('an outage', async () => {
      ${app([await refusedUrl()])}
      assert.equal((await app.inject('/x')).statusCode, 502)
      await app.close()
    })
  `, '--test')
  t.equal(exit, 0, said)
  t.match(said, /pass 1\n/)
})

t.test('background work ends with the script: probes that hang, and discovery', async t => {
  let connections = 0
  const target = await startRawTarget(t, socket => { if (++connections === 1) socket.destroy() })
  const { exit, said } = await node('background.mjs', `${app([], `
    health: { active: { interval: 20, timeout: 50_000 } },
    discovery: async function * () {
      yield ['${target.url}']
      await new Promise(resolve => setTimeout(resolve, 50_000).unref())
    }
  `)}
    await app.ready()
    setTimeout(() => { console.log('the end') }, 200)
  `)
  t.same({ exit, said }, { exit: 0, said: 'the end\n' })
  t.ok(connections > 1, 'a probe was under way')
})
