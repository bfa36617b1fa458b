import t from 'tap'
import { policyOption } from '../../lib/balancing/policies/index.js'
import { reportFieldsOf } from '../../lib/plugin/report-fields.js'

t.test('the fields by which targets say how they are, also where prequal is what hash falls back to', async t => {
  const of = (option: unknown): readonly string[] => reportFieldsOf(policyOption(option, 'policy', []))
  t.strictSame(of('round-robin'), [])
  t.strictSame(of('adaptive'), [])
  t.strictSame(of('hash'), [])
  t.ok(of('prequal').length > 0)
  t.strictSame(of({ name: 'hash', fallback: 'prequal' }), of('prequal'))
})
