/** The end: requests in flight are served, unless somebody insists. */
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { startTarget } from '../helpers/servers.js'
import { get, isAlive, refusal, startConfigured, until } from './helper.js'

for (const workers of [1, 2]) {
  t.test(`SIGTERM lets a request in flight end (workers: ${workers})`, async t => {
    const waiting: ServerResponse[] = []
    const target = await startTarget(t, 'slow', (_seen, _request, response) => { waiting.push(response) })
    const app = await startConfigured(t, { workers, upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
    // Its connection is one to be kept alive.
    const answer = fetch(app.url).then(async response => ({ status: response.status, body: await response.text() }))
    await until('the target has it', () => waiting.length === 1)
    app.child.kill('SIGTERM')
    await refusal(app.url)
    waiting[0]!.end('in the end')
    t.same(await answer, { status: 200, body: 'in the end' })
    t.same(await app.exited, { code: 0, signal: null })
    t.equal(app.log('stopped').length, 1)
  })

  t.test(`with a delay, it serves after SIGTERM while its readiness page says no (workers: ${workers})`, async t => {
    const target = await startTarget(t, 'a')
    const app = await startConfigured(t, { workers, readiness: '/ready', shutdownDelay: '1s', upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
    t.match(await get(`${app.url}/ready`), { status: 200, body: 'ready' })
    app.child.kill('SIGTERM')
    while ((await get(`${app.url}/ready`)).status !== 503) await new Promise(resolve => setImmediate(resolve))
    t.match(await get(`${app.url}/x`), { status: 200, body: 'a' })
    t.same(await app.exited, { code: 0, signal: null })
  })

  t.test(`a second signal does not wait (workers: ${workers})`, async t => {
    const waiting: ServerResponse[] = []
    const target = await startTarget(t, 'slow', (_seen, _request, response) => { waiting.push(response) })
    const app = await startConfigured(t, { workers, upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
    const cut = t.rejects(get(app.url))
    await until('the target has it', () => waiting.length === 1)
    app.child.kill('SIGTERM')
    await refusal(app.url)
    app.child.kill('SIGTERM')
    t.same(await app.exited, { code: 1, signal: null })
    await cut
    t.ok(await until('no process is left', () => !app.log().some(({ pid }) => isAlive(pid))))
  })
}
