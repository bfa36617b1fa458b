/** docs/observing.md as it is written. */
import t from 'tap'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node'
import { until } from '../helpers/wait.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/observing.md')

t.test('who served, and what has happened to a target, is in the log', async t => {
  const lines: Array<Record<string, unknown>> = []
  const stream = { write: (line: string) => { lines.push(JSON.parse(line) as Record<string, unknown>) } }
  const { get, upstream } = await guide.play(t, 'wake somebody', { given: { stream }, places: { 'logger: true': 'logger: { stream }' } })
  await get('/shop')
  await get('/elsewhere')
  upstream().emit('target:ejected', { upstream: 'shop', target: 'http://10.0.0.1:3000', reason: '5 × connection refused' })
  t.match(lines.filter(({ msg }) => msg === 'served'), [{ upstream: 'shop', attempts: 1, status: 200 }, { status: 404 }])
  t.match(lines.filter(({ msg }) => String(msg).startsWith('wake')), [{ msg: 'wake somebody: 5 × connection refused', level: 50 }])
})

t.test('an attempt that takes long is told by the channel', async t => {
  const said: string[] = []
  await guide.play(t, 'took ${Math.round', { given: { console: { warn: (line: string) => { said.push(line) } } }, listens: false })
  const { get } = await guide.play(t, 'wake somebody', {
    places: { 'logger: true': 'logger: false' },
    targets: { '*': (_seen, _request, response) => { setTimeout(() => response.end('late'), 120) } }
  })
  t.equal(await get('/shop'), 'late')
  await until(() => said.length > 0, 'a word')
  t.match(said[0]!, /^shop: attempt 1 at http:\/\/127\.0\.0\.1:\d+ took \d+ ms: success$/)
})

/** Keeps what it is given. */
class Spans implements SpanExporter {
  readonly all: ReadableSpan[] = []
  export (spans: ReadableSpan[], done: (result: { code: 0 }) => void): void {
    this.all.push(...spans)
    done({ code: 0 })
  }

  async shutdown (): Promise<void> {}
}

/** As the instrumentation would not see it. */
async function ask (url: string, headers: Record<string, string>): Promise<string> {
  const [response] = await once(request(url, { headers, agent: false }).end(), 'response') as [IncomingMessage]
  return String(Buffer.concat(await response.toArray() as Buffer[]))
}

t.test('OpenTelemetry: a request is a trace with a span for each attempt, and the target goes on with that of the last', async t => {
  const spans = new Spans()
  await guide.play(t, '// tracing.js', { given: { exporter: spans }, listens: false, places: { BatchSpanProcessor: 'SimpleSpanProcessor' } })
  const { url, targets } = await guide.play(t, '// gateway.js', {
    targets: { '10.0.0.1': (_seen, _request, response) => { response.writeHead(503).end() } }
  })
  // The second time, connections are there that were made for the first.
  for (const trace of ['4bf92f3577b34da6a3ce929d0e0e4736', '5bf92f3577b34da6a3ce929d0e0e4736']) {
    spans.all.length = 0
    targets.get('10.0.0.2')!.seen.length = 0
    t.equal(await ask(`${url}/shop`, { traceparent: `00-${trace}-00f067aa0ba902b7-01` }), '10.0.0.2')
    await until(() => spans.all.length >= 3, 'spans')
    const [request] = spans.all.filter(({ name }) => name === 'GET /shop')
    const attempts = spans.all.filter(({ name }) => name === 'GET shop')
    t.match(request, { parentSpanContext: { traceId: trace, spanId: '00f067aa0ba902b7' } })
    t.strictSame(attempts.map(({ attributes }) => attributes['lb.attempt']), [1, 2])
    for (const attempt of attempts) t.equal(attempt.parentSpanContext?.spanId, request!.spanContext().spanId, 'a child of the request')
    t.strictSame(attempts.map(({ status }) => status.code), [2, 0], 'the first has failed')
    t.strictSame(targets.get('10.0.0.2')!.seen.map(({ headers }) => headers.traceparent), [`00-${trace}-${attempts[1]!.spanContext().spanId}-01`])
  }
})

guide.complete(t)
