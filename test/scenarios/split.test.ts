/** Versions side by side: canary releases, blue and green. */
import t, { type Test } from 'tap'
import type { SplitOption, UpstreamOptions } from '../../lib/index.js'
import { Browser } from '../helpers/browser.js'
import { seededRandom } from '../helpers/clock.js'
import { startGateway, startTarget, type Gateway, type TestTarget } from '../helpers/servers.js'

const secret = 'a secret of 16 or more'

interface Shop extends Gateway { targets: Map<string, TestTarget> }

/** Two targets of each version; the names of targets begin with theirs. */
async function shop (t: Test, versions: string[], split: SplitOption, more: UpstreamOptions = {}, tag = 'version'): Promise<Shop> {
  const targets = new Map<string, TestTarget>()
  for (const version of versions) for (const n of [1, 2]) targets.set(`${version}-${n}`, await startTarget(t, `${version}-${n}`))
  const gateway = await startGateway(t, {
    upstreams: {
      shop: {
        targets: [...targets].map(([id, { url }]) => ({ id, url, tags: { [tag]: id.split('-')[0]! } })),
        random: seededRandom(1),
        ...more
      }
    },
    routes: { '/': { upstream: 'shop', split } }
  }, {
    after: app => {
      app.get('/own', { config: { upstream: 'shop', split: { v2: 1 } } }, (_request, reply) => reply.balance())
      app.get('/asked/:version', { config: { upstream: 'shop', split: { v1: 1 } } }, (request, reply) => {
        const { any } = request.query as { any?: string }
        return reply.balance('shop', { tags: { version: (request.params as { version: string }).version }, ...(any !== undefined && { fallback: 'any' }) })
      })
    }
  })
  return { ...gateway, targets }
}

const versionOf = (target: string | null): string => target!.split('-')[0]!

/** The versions that so many new clients get. */
async function newcomers (url: string, clients: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < clients; i++) {
    const { target } = await new Browser(url).get()
    counts[versionOf(target)] = (counts[versionOf(target)] ?? 0) + 1
  }
  return counts
}

t.test('canary: a tenth of the clients get the new version, on both of its targets', async t => {
  const { url, targets } = await shop(t, ['v1', 'v2'], { v1: 90, v2: 10 })
  const counts = await newcomers(url, 300)
  t.ok(counts['v2']! > 10 && counts['v2']! < 60, JSON.stringify(counts))
  for (const [id, { seen }] of targets) t.ok(seen.length > 0, id)
})

t.test('canary with affinity: whoever has the new version keeps it, and whoever has not does not get it', async t => {
  const { url } = await shop(t, ['v1', 'v2'], { v1: 50, v2: 50 }, { affinity: { cookie: { secret } } })
  const seen = new Set<string>()
  for (let client = 0; client < 12; client++) {
    const browser = new Browser(url)
    const versions = new Set((await browser.targets(5)).map(versionOf))
    t.equal(versions.size, 1)
    for (const version of versions) seen.add(version)
  }
  t.same([...seen].sort(), ['v1', 'v2'])
})

t.test('a target of the new version dies: its clients stay with the version; when all of it is gone they get the old one', async t => {
  const { url, targets } = await shop(t, ['v1', 'v2'], { v1: 50, v2: 50 }, { affinity: { cookie: { secret } } })
  const browsers: Browser[] = []
  while (browsers.length < 6) {
    const browser = new Browser(url)
    if (versionOf((await browser.get()).target) === 'v2') browsers.push(browser)
  }
  await targets.get('v2-1')!.kill()
  for (const browser of browsers) {
    const { status, target } = await browser.get()
    t.equal(status, 200)
    t.equal(target, 'v2-2')
  }
  await targets.get('v2-2')!.kill()
  for (const browser of browsers) {
    const { status, target } = await browser.get()
    t.equal(status, 200)
    t.equal(versionOf(target), 'v1')
  }
})

t.test('with fallback none, clients of a version that is gone are told so', async t => {
  const { url, app } = await shop(t, ['v1', 'v2'], { shares: { v2: 1 }, fallback: 'none' })
  t.equal(versionOf((await new Browser(url).get()).target), 'v2')
  for (const id of ['v2-1', 'v2-2']) app.upstreams.get('shop')!.update(id, { state: 'maintenance' })
  t.equal((await new Browser(url).get()).status, 503)
})

t.test('blue and green: at a word all new clients go to green; those of blue stay until it is taken out', async t => {
  let shares: Record<string, number> = { blue: 1, green: 0 }
  const { url, app } = await shop(t, ['blue', 'green'], { tag: 'colour', shares: () => shares }, { affinity: { cookie: { secret } } }, 'colour')
  const old = new Browser(url)
  t.equal(versionOf((await old.get()).target), 'blue')
  t.same(Object.keys(await newcomers(url, 10)), ['blue'])
  shares = { blue: 0, green: 1 }
  t.same(Object.keys(await newcomers(url, 10)), ['green'])
  t.equal(versionOf((await old.get()).target), 'blue')
  for (const id of ['blue-1', 'blue-2']) app.upstreams.get('shop')!.update(id, { state: 'maintenance' })
  t.equal(versionOf((await old.get()).target), 'green')
  shares = { blue: 1, green: 0 }
  for (const id of ['blue-1', 'blue-2']) app.upstreams.get('shop')!.update(id, { state: 'ready' })
  t.same(Object.keys(await newcomers(url, 10)), ['blue'], 'and back')
  t.equal(versionOf((await old.get()).target), 'green', 'who has moved stays where it is')
})

t.test('a route of one’s own has a split of its own; what a handler asks for outranks it', async t => {
  const { url, app } = await shop(t, ['v1', 'v2'], { v1: 1 })
  for (let i = 0; i < 5; i++) {
    t.equal(versionOf((await new Browser(url).get('/own')).target), 'v2')
    t.equal(versionOf((await new Browser(url).get('/asked/v2')).target), 'v2')
  }
  for (const id of ['v2-1', 'v2-2']) app.upstreams.get('shop')!.update(id, { state: 'maintenance' })
  t.equal((await new Browser(url).get('/asked/v2')).status, 503, 'what is asked for, or nothing')
  t.equal(versionOf((await new Browser(url).get('/asked/v2?any')).target), 'v1', 'unless anything will do')
  t.equal(versionOf((await new Browser(url).get('/own')).target), 'v1')
})

t.test('a split that is wrong is refused, wherever it is', async t => {
  const upstreams = { shop: { targets: ['http://127.0.0.1:1'] } }
  await t.rejects(startGateway(t, { upstreams, routes: { '/': { upstream: 'shop', split: { v1: 0 } } } }), { code: 'FST_LB_INVALID_OPTIONS', message: /^routes\["\/"\]\.split: / })
  await t.rejects(startGateway(t, { upstreams, routes: { '/': { upstream: 'shop', config: { split: { v1: 1 } } } } }), { message: /config\.split: this is set by the plugin/ })
  await t.rejects(startGateway(t, { upstreams }, {
    after: app => { app.get('/own', { config: { upstream: 'shop', split: { v1: -1 } } }, (_request, reply) => reply.balance()) }
  }), { code: 'FST_LB_INVALID_OPTIONS', message: /GET \/own: config\.split: / })
})
