/** git over smart HTTP: long answers, long uploads whose length nobody knows, bodies that are compressed, and passwords. */
import t from 'tap'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { selfSigned } from '../../helpers/certificates.js'
import { bareRepository, gitIn, startGitTarget, type GitTarget } from '../../helpers/git.js'
import { needs } from '../../helpers/programs.js'
import { startGateway, type Ending } from '../../helpers/servers.js'

const git = needs('git')

interface Forge {
  url: string
  /** Where everything of the test may be. */
  dir: string
  targets: [GitTarget, GitTarget]
  /** Versions of HTTP that the gateway has been spoken to in. */
  versions: Set<string>
}

/** Two targets in turn, with the same repository on their disk: whatever a client does is spread over both. */
async function startForge (t: Ending & { testdir: () => string }, server: (dir: string) => object = () => ({}), route: object = {}): Promise<Forge> {
  const dir = t.testdir()
  await bareRepository(dir, 'shop.git')
  const targets: [GitTarget, GitTarget] = [await startGitTarget(t, 'a', dir), await startGitTarget(t, 'b', dir)]
  const versions = new Set<string>()
  const { url } = await startGateway(t, {
    upstreams: { git: { policy: 'round-robin', targets: targets.map(({ url }) => url) } },
    routes: { '/git': { upstream: 'git', rewritePrefix: '/', ...route } }
  }, {
    server: server(dir),
    before: app => { app.addHook('onRequest', async ({ raw }) => { versions.add(raw.httpVersion) }) }
  })
  return { url: `${url}/git/shop.git`, dir, targets, versions }
}

/** Pushes of more than this are sent in chunks. */
const postBuffer = { 'http.postBuffer': '65536' }

for (const [how, version, server, config] of [
  ['HTTP/1.1, in chunks', '1.1', () => ({}), postBuffer],
  // In one piece: git that uploads without a length on HTTP/2 may wait for itself once an answer has begun (2.39 with libcurl 7.88, whatever the server).
  ['HTTP/2 and TLS', '2.0', (dir: string) => ({ http2: true, https: { allowHTTP1: true, ...selfSigned(dir) } }), { 'http.postBuffer': '10000000' }]
] as const) {
  t.test(`clone, push of several megabytes, and clone again: ${how}`, git, async t => {
    const { url, dir, targets, versions } = await startForge(t, server)
    const settings = { ...config, 'http.sslCAInfo': join(dir, 'cert.pem') }
    const home = gitIn(join(dir, 'home'), settings)
    await home('clone', '--quiet', url, 'mine')
    const mine = gitIn(join(dir, 'home', 'mine'), settings)
    // Nothing of it can be made any shorter.
    const file = randomBytes(6_000_000)
    writeFileSync(join(dir, 'home', 'mine', 'file'), file)
    await mine('add', '.')
    await mine('commit', '--quiet', '--message', 'a long file')
    await mine('push', '--quiet', 'origin', 'main')

    await home('clone', '--quiet', url, 'theirs')
    const theirs = gitIn(join(dir, 'home', 'theirs'), settings)
    t.equal(await theirs('rev-parse', 'main'), await mine('rev-parse', 'main'))
    t.ok(readFileSync(join(dir, 'home', 'theirs', 'file')).equals(file))

    t.strictSame([...versions], [version])
    const requests = targets.flatMap(({ requests }) => requests)
    t.match(requests.find(({ length }) => length > 6_000_000), { method: 'POST', service: 'git-receive-pack', chunked: config === postBuffer })
    t.ok(targets.every(({ requests }) => requests.length > 1), 'both have had their share')
  })
}

t.test('a request that git has compressed', git, async t => {
  const { url, dir, targets } = await startForge(t)
  const author = gitIn(join(dir, 'author'))
  await author('init', '--quiet')
  for (let i = 0; i < 40; i++) {
    await author('commit', '--quiet', '--allow-empty', '--message', `${i}`)
    await author('branch', `branch-${i}`)
  }
  await author('push', '--quiet', url, '--all')
  const reader = gitIn(join(dir, 'reader'))
  await reader('clone', '--quiet', url, '.')
  t.equal((await reader('branch', '--remotes', '--list', 'origin/branch-*')).split('\n').length, 40)
  t.match(targets.flatMap(({ requests }) => requests).filter(({ gzip }) => gzip), [{ service: 'git-upload-pack', chunked: false }])
})

t.test('a target is gone: the other one serves all of it', git, async t => {
  const { url, dir, targets: [a, b] } = await startForge(t)
  await a.kill()
  const author = gitIn(join(dir, 'author'), postBuffer)
  await author('init', '--quiet')
  writeFileSync(join(dir, 'author', 'file'), randomBytes(1_000_000))
  await author('add', '.')
  await author('commit', '--quiet', '--message', 'first')
  await author('push', '--quiet', url, 'main')
  t.equal((await author('ls-remote', url, 'main')).split('\t')[0], await author('rev-parse', 'main'))
  t.equal(a.requests.length, 0)
  t.ok(b.requests.some(({ length }) => length > 1_000_000))
})

t.test('git asks for the password that a hook of the gateway wants, and pushes with it', git, async t => {
  const { url, dir, targets } = await startForge(t, undefined, {
    async onRequest ({ headers }: FastifyRequest, reply: FastifyReply) {
      if (headers.authorization !== `Basic ${Buffer.from('me:secret').toString('base64')}`) await reply.code(401).header('www-authenticate', 'Basic realm="git"').send()
    }
  })
  const author = gitIn(join(dir, 'author'), postBuffer)
  await author('init', '--quiet')
  writeFileSync(join(dir, 'author', 'file'), randomBytes(1_000_000))
  await author('add', '.')
  await author('commit', '--quiet', '--message', 'first')
  await t.rejects(author('push', '--quiet', url, 'main'), { message: /could not read Username/ })
  await t.rejects(author('push', '--quiet', url.replace('//', '//me:wrong@'), 'main'), { message: /Authentication failed/ })
  t.strictSame(targets.flatMap(({ requests }) => requests), [])
  await author('push', '--quiet', url.replace('//', '//me:secret@'), 'main')
  t.ok(targets.flatMap(({ requests }) => requests).some(({ length, chunked }) => length > 1_000_000 && chunked))
})
