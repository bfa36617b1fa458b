/** What the words of the command mean, and what is said of those that mean nothing. */
import t from 'tap'
import { commandOf, CommandLineError, policyNames, type Gateway } from '../../bin/command-line.js'
import { HELP } from '../../bin/help.js'

const gateway = (args: string, env: NodeJS.ProcessEnv = {}): Gateway => commandOf(args.split(' '), env) as Gateway

const upstreamOf = (args: string, env?: NodeJS.ProcessEnv): unknown => gateway(args, env).balancer.upstreams!.gateway

function faultsOf (args: string, env: NodeJS.ProcessEnv = {}): string[] {
  try {
    commandOf(args.split(' ').filter(word => word !== ''), env)
  } catch (error) {
    if (error instanceof CommandLineError) return error.message.split('\n')
    throw error
  }
  return []
}

t.test('targets are enough', async t => {
  t.strictSame(gateway('--to http://a:1 --to http://b:2'), {
    listen: { host: '127.0.0.1', port: 3000 },
    logLevel: 'warn',
    balancer: { upstreams: { gateway: { targets: [{ url: 'http://a:1' }, { url: 'http://b:2' }], policy: 'least-requests' } }, routes: { '/': 'gateway' } },
    words: 'http://a:1, http://b:2 (least-requests)',
    ready: undefined,
    shutdownDelay: 0
  })
})

t.test('how a target may be written', async t => {
  const target = (written: string): unknown => (upstreamOf(`--to ${written}`) as { targets: unknown[] }).targets[0]
  t.same(target('10.0.0.1:3000'), { url: 'http://10.0.0.1:3000' })
  t.same(target('localhost'), { url: 'http://localhost' })
  t.same(target(':9000'), { url: 'http://localhost:9000' })
  t.same(target('[::1]:9000/base'), { url: 'http://[::1]:9000/base' })
  t.same(target('https://a/base'), { url: 'https://a/base' })
  t.same(target('unix:/run/a.sock'), { url: 'unix:/run/a.sock' })
  t.same(target('a:1#weight=2'), { url: 'http://a:1', weight: 2 })
  t.same(target('a:1#weight=0,tier=1,id=7'), { url: 'http://a:1', weight: 0, tier: 1, id: '7' })
})

t.test('where it listens', async t => {
  const listen = (written: string): unknown => gateway(`--to a --listen ${written}`).listen
  t.same(listen('8080'), { host: '127.0.0.1', port: 8080 })
  t.same(listen(':80'), { host: '0.0.0.0', port: 80 })
  t.same(listen('10.0.0.9:0'), { host: '10.0.0.9', port: 0 })
  t.same(listen('[::1]:65535'), { host: '::1', port: 65_535 })
})

t.test('the other options', async t => {
  t.match(upstreamOf('--to a --policy random'), { policy: 'random' })
  t.match(upstreamOf('--to a --health /up'), { health: { active: { path: '/up' } } })
  t.same(upstreamOf('--to a --affinity'), { targets: [{ url: 'http://a' }], policy: 'least-requests', affinity: { cookie: {} } })
  t.match(upstreamOf('--to a --affinity', { LB_SECRET: 'sixteen or longer' }), { affinity: { cookie: { secret: 'sixteen or longer' } } })
  t.match(gateway('--to a --dashboard').balancer, { admin: { authorize: 'loopback' } })
  t.equal(gateway('--to a --log-level info').logLevel, 'info')
})

t.test('help and version, whatever else is said', async t => {
  for (const args of ['--help', '-h', '--prot 1 --help']) t.equal(commandOf(args.split(' '), {}), 'help')
  for (const args of ['--version', '-v']) t.equal(commandOf(args.split(' '), {}), 'version')
  for (const name of [...policyNames, '--to', '--listen', '--policy', '--affinity', '--health', '--dashboard', '--log-level']) t.match(HELP, name)
})

t.test('every fault is told, by the name that was typed', async t => {
  t.strictSame(faultsOf('http://a --prot 1 --to ftp://a --to b#weight=300,wait=1 --to b --listen 3000:tcp --policy rr --health up --log-level loud --affinity=yes', { LB_SECRET: 'hush' }), [
    'http://a: expected an option before it, as --to http://a',
    '--prot: unknown option; known are --to, --listen, --policy, --affinity, --health, --dashboard, --ready, --shutdown-delay, --log-level, --help, --version',
    '1: expected an option before it, as --to 1',
    '--affinity: expected no value, got "yes"',
    '--listen: expected a port, :port or host:port, got "3000:tcp"',
    '--log-level: expected fatal or error or warn or info or debug or trace or silent, got "loud"',
    "--to[0].url: expected a url: 'http://host:port', 'https://host:port' or 'unix:/path/to/socket', without query, fragment or credentials, got \"ftp://a\" (string)",
    '--to[1].wait: unknown option; known are url, id, address, weight, tier, tags, limits, tls',
    '--to[1].weight: expected 0 to 256, got 300',
    '--to[2].id: expected an id of its own, got "http://b", which is the id of --to[1]',
    `--policy: expected a policy: ${policyNames.join(', ')}, or a function, got "rr" (string); that is 'round-robin', with the weights of the targets here`,
    '--health: expected a path, as \'/health\', got "up" (string)'
  ])
  t.strictSame(faultsOf('--listen 65536 --listen 1 --log-level'), [
    '--listen: expected once, got it again',
    '--log-level: expected a value after it, got nothing',
    '--to: expected one or more urls of targets, got none'
  ])
  t.strictSame(faultsOf('--to a --affinity', { LB_SECRET: 'hush' }), ['LB_SECRET: expected 16 characters or more, or an array of such strings, got something else'])
})
