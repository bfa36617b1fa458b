/** The gateway's eye on its targets. */
import t from 'tap'
import { startTarget } from '../helpers/servers.js'
import { get, startConfigured, until } from './helper.js'

async function fourNames (url: string): Promise<string[]> {
  const names: string[] = []
  for (let i = 0; i < 4; i++) names.push((await get(url)).body)
  return names
}

t.test('a backend that fails is taken out, and comes back', async t => {
  let failing = false
  const health = (name: string, fails: () => boolean) => startTarget(t, name, (_seen, _request, response) => {
    response.statusCode = fails() ? 500 : 200
    response.end(name)
  })
  const [weak, strong] = [await health('weak', () => failing), await health('strong', () => false)]
  const app = await startConfigured(t, {
    upstreams: {
      shop: {
        targets: [{ id: 'weak', url: weak.url }, { id: 'strong', url: strong.url }],
        policy: 'round-robin',
        health: { active: { interval: 50, fall: 2, rise: 2 }, passive: false }
      }
    },
    routes: { '/': 'shop' }
  })
  t.same((await fourNames(app.url)).sort(), ['strong', 'strong', 'weak', 'weak'])
  failing = true
  await until('it is out', () => app.log('a target is unhealthy').length === 1)
  t.same(await fourNames(app.url), ['strong', 'strong', 'strong', 'strong'])
  failing = false
  await until('it is back', () => app.log('a target is healthy').some(({ level }) => level === 40))
  t.same((await fourNames(app.url)).sort(), ['strong', 'strong', 'weak', 'weak'])
  t.match(app.log('a target is unhealthy'), [{ upstream: 'shop', target: 'weak', reason: 'status 500' }])
})
