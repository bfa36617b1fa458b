/** What the log says of very many targets. What it says of few is told by the scenarios. */
import t from 'tap'
import type { FastifyBaseLogger } from 'fastify'
import { logChanges } from '../../lib/operations/log.js'
import { startUpstream } from '../helpers/upstreams.js'

t.test('of a thousand targets that fall one after the other, panic is looked at four times a second', async t => {
  const { upstream, clock } = await startUpstream(t, { targets: Array.from({ length: 1_000 }, (_, i) => `http://10.0.0.1:${i + 1_000}`) })
  const lines: string[] = []
  const write = (_fields: object, message: string): void => { lines.push(message) }
  logChanges(upstream, { info: write, warn: write } as unknown as FastifyBaseLogger)
  for (const target of upstream.balancer.all) {
    upstream.balancer.setHealth(target, 'unhealthy')
    await Promise.resolve()
  }
  const told = (): string[] => lines.filter(line => line.includes('panic'))
  clock.advance(249)
  t.strictSame(told(), [])
  clock.advance(1)
  t.strictSame(told(), ['panic: too few targets are eligible, health is ignored'])
  for (const target of upstream.balancer.all) upstream.balancer.setHealth(target, 'healthy')
  clock.advance(250)
  t.strictSame(told().slice(1), ['the panic is over'])
})
