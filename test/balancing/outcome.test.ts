import t from 'tap'
import { verdictOf, type Outcome, type Verdict } from '../../lib/balancing/outcome.js'

const statuses = new Set([502, 503, 504])

const verdicts: Record<Outcome, Verdict> = {
  success: 'good',
  'bad-status': 'bad',
  'connect-failure': 'bad',
  timeout: 'bad',
  reset: 'bad',
  malformed: 'bad',
  'client-aborted': 'neutral',
  'client-fault': 'neutral',
  abandoned: 'neutral'
}

for (const [outcome, verdict] of Object.entries(verdicts) as Array<[Outcome, Verdict]>) {
  t.test(`An attempt that ends in ${outcome} says ${verdict} about its target`, async t => {
    t.equal(verdictOf({ outcome, status: 503, durationMs: 1 }, statuses), verdict)
  })

  t.test(`An attempt that ends in ${outcome} without the target's fault says nothing`, async t => {
    t.equal(verdictOf({ outcome, status: 503, durationMs: 1, blameless: true }, statuses), 'neutral')
  })
}

t.test('A bad status counts only where it is one of those that count', async t => {
  for (const status of [400, 404, 429, 500, 501, 505]) t.equal(verdictOf({ outcome: 'bad-status', status, durationMs: 1 }, statuses), 'good', String(status))
  for (const status of [502, 503, 504]) t.equal(verdictOf({ outcome: 'bad-status', status, durationMs: 1 }, statuses), 'bad', String(status))
  t.equal(verdictOf({ outcome: 'bad-status', status: 503, durationMs: 1 }, new Set()), 'good')
})
