/** What a user sees when a target does not do its part. */
import t from 'tap'
import { randomBytes } from 'node:crypto'
import { refusedUrl, startGateway, startRawTarget, startTarget } from '../helpers/servers.js'

t.test('one of two targets is dead: 200 of 200 GETs are answered 200', async t => {
  const good = await startTarget(t, 'good')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [await refusedUrl(), good.url] } }, routes: { '/': 'shop' } })
  const statuses = new Map<number, number>()
  for (let i = 0; i < 20; i++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(`${url}/${i}`)))
    for (const answer of answers) {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      await answer.arrayBuffer()
    }
  }
  t.strictSame([...statuses], [[200, 200]])
  t.equal(good.seen.length, 200, 'each arrived once')
  t.notOk(app.upstreams.get('shop')!.snapshot().targets[0]!.available, 'the dead one is ejected')
})

t.test('a POST of 1 MB to [refused, good] arrives whole, and once', async t => {
  const good = await startTarget(t, 'good')
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [await refusedUrl(), good.url], policy: 'first' } },
    routes: { '/': 'shop' }
  })
  const body = randomBytes(1_000_000)
  for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
    good.seen.length = 0
    const chunked = 'transfer-encoding' in headers
    const answer = await fetch(`${url}/orders`, { method: 'POST', body: chunked ? new Blob([body]).stream() : body, duplex: 'half' } as RequestInit)
    t.equal(answer.status, 200)
    t.equal(good.seen.length, 1)
    t.ok(good.seen[0]!.body.equals(body), chunked ? 'chunked' : 'with a length')
  }
})

t.test('a POST whose target dies after reading it is sent once, and answered 502', async t => {
  const other = await startTarget(t, 'other')
  let received = 0
  const dying = await startRawTarget(t, socket => {
    socket.on('data', () => {
      received++
      socket.destroy()
    })
  })
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [dying.url, other.url], policy: 'first' } },
    routes: { '/': 'shop' }
  })
  const answer = await fetch(`${url}/orders`, { method: 'POST', body: 'one piece' })
  t.equal(answer.status, 502)
  const body = await answer.json() as { code: string }
  t.equal(body.code, 'FST_LB_BAD_GATEWAY')
  t.equal(received, 1)
  t.equal(other.seen.length, 0, 'nobody else got it')
})

t.test('the same with a GET: another target answers', async t => {
  const other = await startTarget(t, 'other')
  const dying = await startRawTarget(t, socket => { socket.on('data', () => { socket.destroy() }) })
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [dying.url, other.url], policy: 'first' } },
    routes: { '/': 'shop' }
  })
  const answer = await fetch(`${url}/orders`)
  t.equal(answer.status, 200)
  t.equal(await answer.text(), 'other')
})

t.test('a PUT within the replay limit is sent again whole, a longer one is not', async t => {
  const other = await startTarget(t, 'other')
  let heard = 0
  const dying = await startRawTarget(t, socket => {
    socket.on('data', chunk => {
      heard += chunk.length
      if (heard > 1_000) socket.destroy()
    })
  })
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [dying.url, other.url], policy: 'first', retry: { replayLimit: 10_000 } } },
    routes: { '/': 'shop' }
  })
  const short = randomBytes(10_000)
  const answer = await fetch(`${url}/a`, { method: 'PUT', body: short })
  t.equal(answer.status, 200)
  t.ok(other.seen[0]!.body.equals(short), 'known length')

  heard = 0
  const streamed = await fetch(`${url}/b`, { method: 'PUT', body: new Blob([short]).stream(), duplex: 'half' } as RequestInit)
  t.equal(streamed.status, 200)
  t.ok(other.seen[1]!.body.equals(short), 'chunked')

  heard = 0
  const long = await fetch(`${url}/c`, { method: 'PUT', body: randomBytes(3_000_000) })
  t.equal(long.status, 502)
  t.equal(other.seen.length, 2, 'half of it was forgotten, so nobody gets it')
})

t.test('a target that answers 503 is passed over for a GET, and has the last word when all do', async t => {
  const busy = await startTarget(t, 'busy', (_seen, _request, response) => {
    response.writeHead(503, { 'content-type': 'text/plain', 'x-first': 'yes' })
    response.end('busy')
  })
  const good = await startTarget(t, 'good')
  const { url, app } = await startGateway(t, {
    upstreams: {
      shop: { targets: [{ id: 'busy', url: busy.url }, { id: 'good', url: good.url }], policy: 'first', health: { passive: false } },
      alone: { targets: [busy.url], retry: { attempts: 2, backoff: { base: 1, max: 1 } } }
    },
    routes: { '/shop': 'shop', '/alone': 'alone' }
  }, {
    after: app => {
      app.addHook('onSend', async (request, reply) => {
        reply.header('x-attempts', request.balancing!.attempts.map(({ target, outcome, status }) => `${target} ${outcome} ${status}`).join(', '))
      })
    }
  })
  const answer = await fetch(`${url}/shop`)
  t.equal(answer.status, 200)
  t.equal(await answer.text(), 'good')
  t.notOk(answer.headers.has('x-first'), 'nothing is left of the first answer')

  const post = await fetch(`${url}/shop`, { method: 'POST', body: 'x' })
  t.equal(post.status, 503, 'a POST is not repeated')
  t.equal(await post.text(), 'busy')

  busy.seen.length = 0
  const last = await fetch(`${url}/alone`)
  t.equal(last.status, 503)
  t.equal(last.headers.get('x-first'), 'yes', "the target's own answer")
  t.equal(await last.text(), 'busy')
  t.equal(busy.seen.length, 2, 'two attempts')
  t.equal(app.upstreams.get('shop')!.targets.get('busy')!.inFlight, 0)
})

t.test('retry: false switches every kind off, also moving on from a dead target', async t => {
  const good = await startTarget(t, 'good')
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [await refusedUrl(), good.url], policy: 'first', retry: false, health: { passive: false } } },
    routes: { '/': 'shop' }
  })
  t.equal((await fetch(url)).status, 502)
  t.equal(good.seen.length, 0)
})

t.test('a response that is cut short by the target is cut short for the client, never ended cleanly', async t => {
  const bodies: Record<string, string> = {
    'with a length': 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nhalf of it',
    chunked: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf of it\r\n'
  }
  for (const [kind, head] of Object.entries(bodies)) {
    const target = await startRawTarget(t, socket => {
      socket.once('data', () => {
        socket.write(head)
        // The second part comes later, so that the first is on its way to the client.
        setImmediate(() => setImmediate(() => { socket.destroy() }))
      })
    })
    const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
    const whole = await fetch(url).then(async answer => answer.status === 200 ? await answer.text() : answer.status).catch((error: unknown) => error)
    t.ok(whole instanceof Error || whole === 502, `${kind}: ${String(whole)}`)
    const [snapshot] = app.upstreams.get('shop')!.snapshot().targets
    t.equal(snapshot!.inFlight, 0)
    t.equal(snapshot!.failures, 1, 'and it counts against the target, once')
  }
})

t.test('when no target can be reached the client hears nothing of who they are', async t => {
  const targets = [await refusedUrl(), await refusedUrl()]
  const { url } = await startGateway(t, { upstreams: { shop: { targets, retry: { backoff: { base: 1, max: 1 } } } }, routes: { '/': 'shop' } })
  const answer = await fetch(url)
  t.equal(answer.status, 502)
  const text = await answer.text() + JSON.stringify([...answer.headers])
  for (const target of targets) t.notMatch(text, new URL(target).port)
  t.notMatch(text, /127\.0\.0\.1|ECONN|at .*\.ts/)
})

t.test('a garbled answer is a 502 for a POST and another target for a GET', async t => {
  const good = await startTarget(t, 'good')
  const garbled = await startRawTarget(t, socket => { socket.on('data', () => { socket.end('SMTP ready\r\n\r\n') }) })
  const weird = await startRawTarget(t, socket => { socket.on('data', () => { socket.end('HTTP/1.1 888 Weird\r\nContent-Length: 0\r\n\r\n') }) })
  for (const bad of [garbled, weird]) {
    const { url } = await startGateway(t, { upstreams: { shop: { targets: [bad.url, good.url], policy: 'first' } }, routes: { '/': 'shop' } })
    t.equal((await fetch(url, { method: 'POST', body: 'x' })).status, 502)
    const answer = await fetch(url)
    t.equal(await answer.text(), 'good')
  }
})

t.test('a request does not knock at the doors of all targets when none can be reached', async t => {
  const urls = await Promise.all(Array.from({ length: 20 }, async (_, i) => ({ id: `t${i}`, url: await refusedUrl() })))
  for (const [retry, knocks] of [[{}, 8], [{ unreachable: 0 }, 3], [{ unreachable: 12, attempts: 1 }, 13]] as const) {
    const { app, url } = await startGateway(t, { upstreams: { shop: { targets: urls, retry, health: { passive: false } } }, routes: { '/': 'shop' } })
    t.equal((await fetch(url)).status, 502)
    t.equal(app.upstreams.get('shop')!.snapshot().targets.reduce((sum, { failures }) => sum + failures, 0), knocks)
    t.equal((await fetch(url, { method: 'POST', body: 'x' })).status, 502)
  }
})
