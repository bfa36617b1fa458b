/** docs/moving-from-haproxy.md as it is written. */
import t from 'tap'
import { pluginOptions } from '../../lib/plugin/options.js'
import { Browser } from '../helpers/browser.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/moving-from-haproxy.md')
process.env.LB_SECRET = 'sixteen or more characters'

t.test('the configuration, moved', async t => {
  const { url, targets } = await guide.play(t, 'const app = Fastify()')
  const browser = new Browser(url)
  const { target } = await browser.get('/shop')
  t.match(target, /^10\.0\.0\.[12]$/)
  for (let i = 0; i < 3; i++) t.equal((await browser.get('/shop/cart')).target, target)
  for (const name of ['10.0.0.1', '10.0.0.2']) await targets.get(name)!.kill()
  t.equal((await browser.get('/shop')).target, '10.0.0.9', 'the backup')
})

t.test('values in the table are accepted', async t => {
  const faults: string[] = []
  pluginOptions(() => false)({
    upstreams: {
      a: {
        policy: { name: 'hash', key: { query: 'id' }, method: 'maglev', maxLoadFactor: 1.25 },
        affinity: { session: { cookie: 'sid' }, ttl: 1_800_000, max: 100_000, onUnavailable: 'fail' },
        health: { active: { interval: 2_000, unhealthyInterval: 500, fall: 3, rise: 2, port: 8080, type: 'tcp' }, passive: { consecutiveFailures: 10 } },
        retry: { attempts: 4, statuses: [503] },
        pool: { http2: true },
        headers: { forwarded: 'rfc7239' }
      }
    },
    routes: { '/a': { upstream: 'a', constraints: { host: 'shop.example' } } }
  }, '', faults)
  t.strictSame(faults, [])
})

guide.complete(t)
