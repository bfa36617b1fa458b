/** docs/canary.md as it is written. */
import t from 'tap'
import { Browser } from '../helpers/browser.js'
import { startTarget } from '../helpers/targets.js'
import { startGateway } from './harness/gateway.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/canary.md')
process.env.LB_SECRET = 'sixteen or more characters'

t.test('canary: a tenth of the clients, who keep their version', async t => {
  const { url, targets } = await guide.play(t, 'split: { v1: 90, v2: 10 }')
  const canary: Browser[] = []
  let old = 0
  for (let i = 0; i < 200; i++) {
    const browser = new Browser(url)
    if ((await browser.get()).target === '10.0.0.3') canary.push(browser)
    else old++
  }
  t.ok(canary.length > 0 && canary.length < 60, String(canary.length))
  t.equal(old + canary.length, 200)
  for (const browser of canary) t.equal((await browser.get()).target, '10.0.0.3')
  await targets.get('10.0.0.3')!.kill()
  t.match((await canary[0]!.get()).target, /10\.0\.0\.[12]/)
})

t.test('blue and green: everybody moves at a word, and back', async t => {
  const { url } = await guide.play(t, "let live = 'blue'")
  const browser = new Browser(url)
  for (const [colour, target] of [['green', '10.0.0.2'], ['blue', '10.0.0.1'], ['green', '10.0.0.2']] as const) {
    t.strictSame(await (await fetch(`${url}/internal/live/${colour}`, { method: 'POST' })).json(), { live: colour })
    t.equal((await browser.get()).target, target)
    t.equal((await new Browser(url).get()).target, target)
  }
  t.equal((await fetch(`${url}/internal/live/red`, { method: 'POST' })).status, 400)
})

t.test('testers choose', async t => {
  const targets = await Promise.all(['v1', 'v2'].map(async version => ({ url: (await startTarget(t, version)).url, tags: { version } })))
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets } } }, { after: async app => { await guide.play(t, 'x-preview', { given: { app }, listens: false }) } })
  const ask = async (headers: Record<string, string> = {}): Promise<string> => await (await fetch(`${url}/shop/x`, { headers })).text()
  for (let i = 0; i < 5; i++) t.equal(await ask(), 'v1')
  t.equal(await ask({ 'x-preview': 'yes' }), 'v2')
  app.upstreams.get('shop')!.update(targets[1]!.url, { state: 'maintenance' })
  t.equal(await ask({ 'x-preview': 'yes' }), 'v1')
})

guide.complete(t)
