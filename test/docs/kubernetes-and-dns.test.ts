/** docs/kubernetes-and-dns.md as it is written. */
import t from 'tap'
import { startDns } from '../helpers/dns-server.js'
import { startTarget } from '../helpers/targets.js'
import { deferred, until } from '../helpers/wait.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/kubernetes-and-dns.md')

t.test('pods by the name of their Service; when DNS says nothing they stay', async t => {
  const pod = await startTarget(t, 'pod')
  const name = 'shop.default.svc.cluster.local'
  const dns = await startDns(t, { [name]: [{ A: '127.0.0.1', ttl: 1 }] })
  const { get, upstream } = await guide.play(t, 'discovery: { dns:', {
    quiet: true,
    places: { 'discovery: {': `discovery: { minTtl: 1, servers: ['${dns.address}'],`, 'port: 3000': `port: ${pod.port}`, 'maxTtl: 5_000': 'maxTtl: 10' }
  })
  t.equal(await get(), 'pod')
  dns.zone[name] = 'SERVFAIL'
  await until(() => upstream().snapshot().discovery!.failures > 0, 'a failure')
  t.equal(await get(), 'pod')
})

t.test('the gateway is not ready any more, and then it ends', async t => {
  const { promise, resolve } = deferred()
  const signal = deferred()
  const events: Record<string, () => Promise<void>> = {}
  const { url, app } = await guide.play(t, '// end.js', {
    given: { process: { once: (name: string, run: () => Promise<void>) => { events[name] = run } }, setTimeout: async () => { signal.resolve(); await promise } }
  })
  t.equal((await fetch(`${url}/ready`)).status, 200)
  const ended = events.SIGTERM!()
  await signal.promise
  t.equal((await fetch(`${url}/ready`)).status, 503)
  resolve()
  await ended
  t.notOk(app.server.listening)
})

guide.complete(t)
