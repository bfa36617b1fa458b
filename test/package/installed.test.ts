/** The package as others get it: packed, and installed into an empty folder, where it is imported, required, compiled against and run. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { run, type Ran } from '../helpers/programs.js'
import { ROOT } from '../helpers/root.js'
import { startTarget } from '../helpers/servers.js'

const { devDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { devDependencies: Record<string, string> }

const env = { PATH: process.env.PATH, HOME: process.env.HOME, LB_SECRET: 'a secret of some length' }

// Not a folder of this repository, whose node_modules would be found from there.
const folder = mkdtempSync(join(tmpdir(), 'installed-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })

/** In the folder. Without what the test runner puts into NODE_OPTIONS of all its children. */
const here = (program: string, ...words: string[]): Promise<Ran> => run('env', ['-u', 'NODE_OPTIONS', program, ...words], { cwd: folder, env })

/** Writes a file into the folder and runs it. */
async function node (name: string, text: string): Promise<{ exit: number | null, stdout: string, stderr: string }> {
  writeFileSync(`${folder}/${name}`, text)
  const { exit, stdout, stderr } = await here(process.execPath, name)
  return { exit, stdout: String(stdout), stderr }
}

/** The last compiler that was written in JavaScript, and the one that is not. */
const COMPILERS = ['typescript/bin/tsc6', '@typescript/native/bin/tsc']

/** What a compiler says of programs in the folder; nothing when all is well. */
async function compile (compiler: string, options: string, programs: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(programs)) writeFileSync(`${folder}/${name}`, text)
  const words = [...`--noEmit --strict --target es2022 --lib es2023 --types node --skipLibCheck false ${options}`.split(' '), ...Object.keys(programs)]
  const { exit, stdout, stderr } = await here(process.execPath, `${ROOT}node_modules/${compiler}`, ...words)
  return exit === 0 ? '' : `${String(stdout)}${stderr}`
}

const TYPESCRIPT = `
import Fastify from 'fastify'
import loadBalancer, { type LoadBalancerOptions } from 'fastify-load-balancer'
import { prequalTarget } from 'fastify-load-balancer/prequal-target'

const options: LoadBalancerOptions = { upstreams: { shop: { targets: ['http://10.0.0.1:3000'], policy: 'round-robin' } }, routes: { '/shop': 'shop' } }
const app = Fastify()
await app.register(loadBalancer, options)
await app.register(prequalTarget)
app.get('/special', { config: { upstream: 'shop' } }, (request, reply) => reply.balance())
const id: string | undefined = app.upstreams.get('shop')?.snapshot().targets[0]?.id
console.log(id)
export {}
`

const COMMONJS = `
import fastify = require('fastify')
import loadBalancer = require('fastify-load-balancer')

const app = fastify.fastify()
void app.register(loadBalancer, { upstreams: { shop: { targets: ['http://10.0.0.1:3000'] } } })
void app.register(loadBalancer, { upstreams: {}, shared: loadBalancer.cluster() })
`

/** A file of a project without `"type": "module"`, which compiles to `require()`. */
const COMMONJS_BY_IMPORT = `
import Fastify, { type FastifyReply } from 'fastify'
import loadBalancer, { cluster, redis, type LoadBalancerOptions, type PolicyFactory, type Upstream } from 'fastify-load-balancer'
import { loadBalancer as byName } from 'fastify-load-balancer'
import { prequalTarget, type PrequalTargetOptions } from 'fastify-load-balancer/prequal-target'
import onTarget from 'fastify-load-balancer/prequal-target'

const policy: PolicyFactory = () => ({ pick: targets => targets[0]! })
const options: LoadBalancerOptions = { upstreams: { shop: { targets: ['http://10.0.0.1:3000'], policy } }, routes: { '/shop': 'shop' } }
const target: PrequalTargetOptions = { path: false }
const app = Fastify()
app.register(loadBalancer, options)
app.register(byName, { upstreams: {} })
app.register(prequalTarget, target)
app.register(onTarget)
app.get('/special', { config: { upstream: 'shop' } }, (request, reply): FastifyReply => reply.balance())
export const shop = (): Upstream | undefined => app.upstreams.get('shop')
export { cluster, redis }
`

t.before(async () => {
  writeFileSync(`${folder}/package.json`, '{ "name": "consumer", "private": true }')
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT })
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string }
  const { exit, stderr } = await here('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', `./fastify-load-balancer-${version}.tgz`, `@types/node@${devDependencies['@types/node']}`)
  if (exit !== 0) throw new Error(stderr)
})

t.test('import', async t => {
  const ran = await node('import.mjs', `
    import byDefault, { loadBalancer } from 'fastify-load-balancer'
    import { prequalTarget } from 'fastify-load-balancer/prequal-target'
    console.log(typeof byDefault, byDefault === loadBalancer, typeof prequalTarget)
    await import('fastify-load-balancer/dist/lib/errors.js').catch(error => console.log(error.code))
  `)
  t.same(ran, { exit: 0, stdout: 'function true function\nERR_PACKAGE_PATH_NOT_EXPORTED\n', stderr: '' })
})

t.test('require() gives the function itself, without a warning', async t => {
  const ran = await node('require.cjs', `
    const loadBalancer = require('fastify-load-balancer')
    console.log(typeof loadBalancer, loadBalancer.loadBalancer === loadBalancer)
    const app = require('fastify')()
    app.register(loadBalancer, { upstreams: { shop: {} } })
    app.ready().then(() => console.log(app.upstreams.has('shop')))
  `)
  t.same(ran, { exit: 0, stdout: 'function true\ntrue\n', stderr: '' })
})

for (const compiler of COMPILERS) {
  t.test(`TypeScript finds its types, and there is nothing wrong in them (${compiler})`, async t => {
    t.equal(await compile(compiler, '--module esnext --moduleResolution bundler', { 'bundled.ts': TYPESCRIPT }), '')
    const wrong = TYPESCRIPT.replace('round-robin', 'round-robbin')
    const said = await compile(compiler, '--module nodenext', { 'module.mts': TYPESCRIPT, 'common.cts': COMMONJS, 'wrong.mts': wrong })
    t.same(said.match(/^\S+: error .*/gm)?.map(line => line.slice(0, 9)), ['wrong.mts'], said)
    // The strictest about `require()` of an ES module.
    const misspelt = COMMONJS_BY_IMPORT.replace('{ path: false }', '{ paht: false }')
    const commonjs = await compile(compiler, '--module node16 --esModuleInterop', { 'common.ts': COMMONJS_BY_IMPORT, 'common.cts': COMMONJS, 'wrong.ts': misspelt })
    t.same(commonjs.match(/^\S+: error .*/gm)?.map(line => line.slice(0, 8)), ['wrong.ts'], commonjs)
  })
}

t.test('what TypeScript makes of a CommonJS file runs', async t => {
  const compiled = await here(process.execPath, `${ROOT}node_modules/typescript/bin/tsc6`, ...'--module node16 --esModuleInterop --target es2022 --lib es2023 --types node common.ts'.split(' '))
  t.equal(compiled.exit, 0, String(compiled.stdout))
  const ran = await node('runs.cjs', `
    const { shop, cluster, redis } = require('./common.js')
    const { prequalTarget } = require('fastify-load-balancer/prequal-target')
    console.log(typeof shop, typeof cluster, typeof redis, prequalTarget === require('fastify-load-balancer/prequal-target'))
  `)
  t.same(ran, { exit: 0, stdout: 'function function function true\n', stderr: '' })
})

t.test('the example of the README serves', async t => {
  const [, example] = /```js\n(import Fastify[^`]*from 'fastify-load-balancer'[^`]*\.listen\([^`]*)```/.exec(readFileSync(`${ROOT}README.md`, 'utf8'))!
  const target = await startTarget(t, 'a')
  let targets = 0
  const adapted = example!
    .replace(/http:\/\/10\.0\.0\.\d+:\d+/g, () => `${target.url}/${'abc'[targets++]}`)
    // Both are on the same machine here, so ids would be, too.
    .replace(`'${target.url}/a'`, `{ id: 'a', url: '${target.url}/a' }`)
    .replace(/port: \d+/, 'port: 0')
  const ran = await node('readme.mjs', `${adapted}
    const response = await fetch(\`http://localhost:\${app.server.address().port}/shop/hello\`)
    console.log(response.status, await response.text())
    await app.close()
  `)
  t.equal(ran.exit, 0, ran.stderr)
  t.match(ran.stdout, /^200 a$/m)
  t.ok(target.seen.some(({ url }) => url.endsWith('/shop/hello')))
})

t.test('npx runs the command', async t => {
  const { exit, stdout } = await here('npx', 'fastify-load-balancer', '--help')
  t.equal(exit, 0)
  t.match(String(stdout), /^Usage: fastify-load-balancer/)
})
