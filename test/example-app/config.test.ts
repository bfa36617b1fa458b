/** What the gateway can be told, and what it says when it is told wrong. */
/* eslint-disable no-template-curly-in-string -- variables of the configuration are written like that */
import t from 'tap'
import { checkConfig, ConfigError, type Environment } from '../../example-app/config.js'
import { commandLine, readConfig } from '../../example-app/config-file.js'
import { selfSigned } from '../helpers/certificates.js'
import { ROOT } from '../helpers/root.js'

/** The faults of it, one a line, without the first line, which names the file. */
function faultsOf (run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').slice(1).map(line => line.trim())
    throw error
  }
  return []
}

const faultsIn = (value: unknown, env: Environment = {}): string[] => faultsOf(() => checkConfig(value, env, 'gateway.yaml'))

t.test('defaults', async t => {
  t.same(checkConfig({}, {}, 'gateway.yaml'), {
    listen: { host: '127.0.0.1', port: 3000 },
    workers: 1,
    logLevel: 'info',
    trustProxy: false,
    secret: undefined,
    tls: undefined,
    credentials: undefined,
    files: [],
    drainMs: 30_000,
    readiness: undefined,
    shutdownDelay: 0,
    balancer: {}
  })
})

t.test('everything that can be said', async t => {
  const upstreams = { shop: { targets: ['http://10.0.0.1:3000'], policy: 'round-robin' } }
  const routes = { '/shop': 'shop', '/api': { upstream: 'shop', rewritePrefix: '/v1' } }
  const config = checkConfig({
    listen: { host: '0.0.0.0', port: 8080 }, workers: 4, logLevel: 'warn', trustProxy: 'loopback', upstreams, routes, drainMs: 500
  }, {}, 'gateway.yaml')
  t.same(config, {
    listen: { host: '0.0.0.0', port: 8080 },
    workers: 4,
    logLevel: 'warn',
    trustProxy: 'loopback',
    secret: undefined,
    tls: undefined,
    credentials: undefined,
    files: [],
    drainMs: 500,
    readiness: undefined,
    shutdownDelay: 0,
    balancer: { upstreams, routes, drainMs: 500 }
  })
})

t.test('the environment overrides, but not with nothing', async t => {
  const file = { listen: { host: '10.1.1.1', port: 1 }, workers: 2, logLevel: 'debug' }
  t.match(checkConfig(file, { HOST: '::', PORT: '0', WORKERS: '3', LOG_LEVEL: 'silent', LB_SECRET: 'sixteen or longer' }, 'gateway.yaml'), {
    listen: { host: '::', port: 0 }, workers: 3, logLevel: 'silent', secret: 'sixteen or longer'
  })
  t.match(checkConfig(file, { HOST: '', PORT: '', WORKERS: '', LOG_LEVEL: '', LB_SECRET: '' }, 'gateway.yaml'), { ...file, secret: undefined })
})

t.test('every fault is told, of the app, the plugin and the environment', async t => {
  t.same(faultsIn({
    listen: { prot: 3000, host: '' },
    workers: 0,
    loglevel: 'info',
    logLevel: 'loud',
    upstreams: { shop: { targets: [{ url: 'http://10.0.0.1:3000', weight: '2' }], polici: 'random' } },
    routes: { '/shop': 'shop', '/api': 'api' }
  }, { PORT: '70000', WORKERS: 'many', LOG_LEVEL: 'quiet' }), [
    'loglevel: unknown option; known are listen, tls, workers, logLevel, trustProxy, admin, upstreams, routes, limits, drainMs, readiness, shutdownDelay',
    'listen.prot: unknown option; known are host, port',
    'listen.host: expected a string that is not empty, got "" (string)',
    'workers: expected 1 to 256, got 0',
    "logLevel: expected 'fatal' or 'error' or 'warn' or 'info' or 'debug' or 'trace' or 'silent', got \"loud\" (string)",
    ...faultsIn({ upstreams: { shop: { targets: ['http://10.0.0.1:3000'], polici: 'random' } } }),
    'upstreams.shop.targets[0].weight: expected 0 to 256, got "2" (string)',
    'routes["/api"]: no upstream "api"; there are shop',
    'environment.PORT: expected 0 to 65535, got 70000',
    'environment.WORKERS: expected 1 to 256, got "many" (string)',
    "environment.LOG_LEVEL: expected 'fatal' or 'error' or 'warn' or 'info' or 'debug' or 'trace' or 'silent', got \"quiet\" (string)"
  ])
  t.match(faultsIn({ upstreams: { shop: { polici: 'random' } } }), [/^upstreams\.shop\.polici: unknown option; known are targets, policy, /])
})

t.test('a secret that is too short is not repeated', async t => {
  t.same(faultsIn({}, { LB_SECRET: 'hush' }), ['environment.LB_SECRET: expected 16 characters or more, got fewer'])
})

t.test('what is no object has nothing to say', async t => {
  t.same(faultsIn(null), ['the whole: expected an object, got null'])
  t.same(faultsIn([]), ['the whole: expected an object, got an array'])
})

t.test('trustProxy is what Fastify takes', async t => {
  for (const trustProxy of [true, false, 'loopback', '10.0.0.0/8, 192.168.1.1', ['10.0.0.1', '::1']]) t.same(faultsIn({ trustProxy }), [])
  for (const trustProxy of [1, 'somebody', ['10.0.0.1', 'somebody'], { hops: 1 }, null, '', ['']]) {
    t.match(faultsIn({ trustProxy }), [/^trustProxy: expected true, false, or addresses and networks to trust, got /], JSON.stringify(trustProxy))
  }
})

t.test('the message names the file and counts', async t => {
  t.throws(() => checkConfig({ worker: 2 }, {}, 'some/gateway.yaml'), {
    message: 'some/gateway.yaml has a fault, so nothing was started:\n  worker: unknown option; known are listen, tls, workers, logLevel, trustProxy, admin, upstreams, routes, limits, drainMs, readiness, shutdownDelay'
  })
  t.throws(() => checkConfig({ worker: 2, rotes: {} }, {}, 'some/gateway.yaml'), { message: /^some\/gateway\.yaml has 2 faults, so nothing was started:\n {2}worker: .*\n {2}rotes: / })
})

t.test('YAML and JSON are read', async t => {
  const dir = t.testdir({
    'gateway.yaml': 'listen: { port: 8080 } # a comment\nupstreams:\n  shop:\n    limits: { maxRequests: .inf }\n',
    'gateway.json': '{\n\t"listen": { "port": 8080 },\n\t"workers": 2\n}\n'
  })
  t.match(readConfig(`${dir}/gateway.yaml`, {}), { listen: { port: 8080 }, balancer: { upstreams: { shop: { limits: { maxRequests: Infinity } } } } })
  t.match(readConfig(`${dir}/gateway.json`, { PORT: '8081' }), { listen: { port: 8081 }, workers: 2 })
})

t.test('the example is right', async t => {
  const example = `${ROOT}example-app/gateway.example.yaml`
  t.match(readConfig(example, {}), { listen: { port: 3000 }, workers: 2, balancer: { routes: { '/shop': 'shop' } } })
})

t.test('what is wrong with the text is told with its place', async t => {
  const wrong: Record<string, [text: string, ...faults: string[]]> = {
    twice: ['workers: 1\nworkers: 2', 'line 2, column 1: Map keys must be unique'],
    tab: ['listen:\n\tport: 1', 'line 2, column 1: Tabs are not allowed as indentation'],
    tag: ['workers: 1\nlogLevel: !env LEVEL', 'line 2, column 11: Unresolved tag: !env'],
    alias: ['routes: *shop', 'Unresolved alias (the anchor must be set before the alias): shop'],
    json: ['{ "workers": 1 }}', 'line 1, column 17: Unexpected flow-map-end token in YAML stream: "}"'],
    variable: ['listen: { port: ${PORT} }', 'line 1, column 18: Unexpected flow-map-start at node end', 'line 1, column 19: Unexpected scalar at node end', 'line 1, column 25: Unexpected flow-map-end token in YAML stream: "}"', 'a variable within { } or [ ] wants quotes; a number, a line of its own'],
    several: ['listen: { port: 1\nworkers: b: c\n', 'line 2, column 1: Flow map in block collection must be sufficiently indented and end with a }', 'line 2, column 10: Nested mappings are not allowed in compact mappings'],
    empty: ['', 'the whole: expected an object, got null']
  }
  for (const [name, [text, ...faults]] of Object.entries(wrong)) {
    const dir = t.testdir({ 'gateway.yaml': text })
    t.match(faultsOf(() => readConfig(`${dir}/gateway.yaml`, {})), faults, name)
  }
})

t.test('a file that is made to do harm', async t => {
  const bombs: Record<string, [string, string | RegExp]> = {
    braces: ['{'.repeat(3_000), 'line 1, column 65: expected at most 64 levels of nesting, got more'],
    keys: ['? '.repeat(700), 'line 1, column 129: expected at most 64 levels of nesting, got more'],
    long: ['a'.repeat(4_194_305), 'it cannot be read: it has more than 4194304 bytes'],
    // Each brace was once looked at up to the end of its line.
    variable: [`a: [}${'{'.repeat(50)}${'[,'.repeat(200_000)} \${A}`, /^line 1/]
  }
  for (const [name, [text, fault]] of Object.entries(bombs)) {
    const dir = t.testdir({ 'gateway.yaml': text })
    t.match(faultsOf(() => readConfig(`${dir}/gateway.yaml`, {}))[0], fault, name)
  }
  if (process.platform === 'linux') t.match(faultsOf(() => readConfig('/dev/zero', {}))[0], 'it cannot be read: it has more than 4194304 bytes')
})

t.test('a file that cannot be read', async t => {
  const path = `${t.testdir({})}/gateway.yaml`
  t.throws(() => readConfig(path, {}), { message: /gateway\.yaml has a fault, so nothing was started:\n {2}it cannot be read: ENOENT/ })
})

t.test('which file, and what to do with it', async t => {
  const path = (args: string[], env: Environment): string | undefined => commandLine(args, env).path
  t.equal(path([], {}), undefined)
  t.equal(path([], { CONFIG: '' }), undefined)
  t.equal(path([], { CONFIG: 'a.yaml' }), 'a.yaml')
  t.equal(path(['b.yaml'], { CONFIG: 'a.yaml' }), 'b.yaml')
  t.equal(path(['--config', 'c.yaml'], { CONFIG: 'a.yaml' }), 'c.yaml')
  t.equal(path(['--config=c.yaml'], {}), 'c.yaml')
  t.equal(path(['-c', 'c.yaml'], {}), 'c.yaml')
  t.same(commandLine(['c.yaml'], {}), { path: 'c.yaml', check: false })
  t.same(commandLine(['--check', 'c.yaml'], {}), { path: 'c.yaml', check: true })
  t.same(faultsOf(() => commandLine(['b.yaml', '--config', 'c.yaml'], {})), ['expected one configuration file, got c.yaml, b.yaml'])
  t.same(faultsOf(() => commandLine(['--check'], {})), ['--check: expected a configuration file, got none'])
  t.match(faultsOf(() => commandLine(['--port', '1'], {})), [/^Unknown option '--port'/])
})

t.test('the environment in the values of the file', async t => {
  const dir = t.testdir({
    'gateway.yaml': `
# \${NOT_EVEN_THIS}
listen:
  host: \${BIND:-127.0.0.2}
  port: \${HTTP_PORT:-8080}
admin: { password: "\${PASSWORD}" }
upstreams:
  shop:
    targets: ["http://\${SHOP}:80/$\${base}"]
    pool:
      http2: \${HTTP2:-false}
`
  })
  t.match(readConfig(`${dir}/gateway.yaml`, { PASSWORD: '123456789012', SHOP: 'shop.internal', HTTP_PORT: '' }), {
    listen: { host: '127.0.0.2', port: 8080 },
    credentials: { user: 'admin', password: '123456789012' },
    balancer: { admin: { authorize: 'loopback' }, upstreams: { shop: { targets: ['http://shop.internal:80/${base}'], pool: { http2: false } } } }
  })
  t.match(readConfig(`${dir}/gateway.yaml`, { PASSWORD: 'a "b": {c} # d', SHOP: 'a', HTTP_PORT: '81', BIND: '::' }), { listen: { host: '::', port: 81 }, credentials: { password: 'a "b": {c} # d' } })
  const wrong = t.testdir({ 'gateway.yaml': 'logLevel: ${LEVEL}\nupstreams:\n  a: { targets: ["${A}", "${b-c}", "${A", "${toString}"] }\n' })
  t.same(faultsOf(() => readConfig(`${wrong}/gateway.yaml`, {})), [
    'line 1, column 11: the variable LEVEL is not set',
    'line 3, column 18: the variable A is not set',
    'line 3, column 26: ${b-c}: expected ${NAME} or ${NAME:-default}',
    'line 3, column 36: ${A: expected ${NAME} or ${NAME:-default}',
    'line 3, column 43: the variable toString is not set'
  ])
})

t.test('who may use the dashboard', async t => {
  const password = 'twelve or longer'
  t.match(checkConfig({ admin: { authorize: 'loopback' } }, {}, 'gateway.yaml'), { credentials: undefined, balancer: { admin: { prefix: '/lb', authorize: 'loopback' } } })
  t.match(checkConfig({ admin: { prefix: '/x', user: 'root', password } }, {}, 'gateway.yaml'), { credentials: { user: 'root', password }, balancer: { admin: { prefix: '/x' } } })
  t.same(faultsIn({ admin: {} }), ['admin: expected either a password or authorize: loopback'])
  t.same(faultsIn({ admin: { password, authorize: 'loopback' } }), ['admin: expected either a password or authorize: loopback'])
  t.same(faultsIn({ admin: { password: 'hush', user: 'a:b' } }), ['admin.password: expected 12 characters or more, got fewer', 'admin.user: expected a name without a colon, got "a:b" (string)'])
})

t.test('certificate and key', async t => {
  const { cert, key } = selfSigned(t.testdir())
  const dir = t.testdir({ 'gateway.yaml': 'tls: { cert: a/cert.pem, key: key.pem }', a: { 'cert.pem': cert }, 'key.pem': key })
  t.match(readConfig(`${dir}/gateway.yaml`, {}), { tls: { cert, key }, files: [`${dir}/a/cert.pem`, `${dir}/key.pem`] })
  const other = selfSigned(t.testdir()).key
  const bad = t.testdir({ 'gateway.yaml': 'tls: { cert: cert.pem, key: key.pem }', 'absent.yaml': 'tls: { cert: a.pem, key: key.pem }', 'cert.pem': cert, 'key.pem': other })
  t.match(faultsOf(() => readConfig(`${bad}/gateway.yaml`, {})), [/^tls: expected a certificate and its key, got what OpenSSL refuses: .*key values mismatch/])
  t.match(faultsOf(() => readConfig(`${bad}/absent.yaml`, {})), [/^tls\.cert: it cannot be read: ENOENT/])
  t.match(faultsIn({ tls: { cert: 'a.pem' } }), [/^tls\.key: expected a string/])
})
