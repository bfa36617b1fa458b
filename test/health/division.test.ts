/** Probes that are shared among gateways, seen from one of them. */
import t from 'tap'
import type { FoundElsewhere, ProbeDivision } from '../../lib/health/division.js'
import { probing, type Probing } from '../helpers/probing.js'
import { startTarget, type Ending, type TestTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

interface Shared extends Probing { target: TestTarget, told: string[], hear: (passed: boolean, target?: string) => void, part: { ours: boolean, ended: boolean } }

async function shared (t: Ending, status = () => 200): Promise<Shared> {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.statusCode = status()
    response.end()
  })
  const part = { ours: false, ended: false }
  const told: string[] = []
  let listener: ((found: FoundElsewhere) => void) | undefined
  const division: ProbeDivision = {
    isOurs: () => part.ours,
    tell: (target, { reason }) => { told.push(`${target} ${reason}`) },
    listen: heard => { listener = heard },
    end: () => { part.ended = true }
  }
  const bench = probing(t, { targets: [{ id: 'a', url: target.url }] }, { interval: 1_000, fall: 2, rise: 1 }, division)
  await bench.prober.start()
  return { ...bench, target, told, part, hear: (passed, target = 'a') => { listener!({ target, passed, reason: passed ? 'status 200' : 'status 500', durationMs: 2 }) } }
}

t.test('what another gateway has found counts, by the thresholds of this one; a probe of our own is made when nothing was heard for two intervals', async t => {
  const { target, clock, health, hear, told, prober, judged } = await shared(t)
  t.strictSame([target.seen.length, told, health()], [1, ['a status 200'], ['healthy']], 'a new target is probed once by each')
  for (let i = 0; i < 3; i++) {
    clock.advance(1_000)
    hear(false)
    t.strictSame(health(), [i === 0 ? 'healthy' : 'unhealthy'])
  }
  t.match(prober.lastOf('a'), { passed: false, reason: 'status 500', durationMs: 2, at: clock.now() })
  hear(true)
  t.strictSame(health(), ['healthy'])
  hear(false, 'unknown')
  t.equal(target.seen.length, 1)
  await judged(1)
  clock.advance(1_999)
  t.equal(target.seen.length, 1)
  clock.advance(1_001)
  await until(() => told.length === 2, 'a probe of our own')
})

t.test('what is for this gateway it probes and tells; while it does, its own word counts', async t => {
  const { part, clock, told, hear, health, prober } = await shared(t)
  part.ours = true
  clock.advance(1_000)
  for (let i = 0; i < 5; i++) hear(false)
  t.strictSame(health(), ['healthy'])
  await until(() => told.length === 2, 'its probe')
  prober.close()
  t.equal(part.ended, true)
})
