/** docs/typescript.md as it is written; that it compiles is seen to by types.test.ts. */
import t from 'tap'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/typescript.md')

t.test('a gateway with types', async t => {
  process.env.LB_SECRET = 'sixteen or more characters'
  const { get, url, targets, upstream } = await guide.play(t, 'const shop: UpstreamOptions')
  t.match(await (await fetch(`${url}/shop`)).headers.get('set-cookie'), /^lb_shop=/)
  t.equal(await get('/tenants/olga'), '10.0.0.2')
  t.equal(targets.get('10.0.0.2')!.seen.at(-1)!.url, '/tenants/olga')
  t.equal(upstream('shop').snapshot().policy, 'adaptive')
})

guide.complete(t)
