import t from 'tap'
import { prequal, prequalOptions, type PrequalOptions } from '../../../lib/balancing/policies/prequal.js'
import type { Answer, Policy } from '../../../lib/balancing/policy.js'
import type { Target } from '../../../lib/balancing/target.js'
import { checked } from '../../../lib/options.js'
import { seededRandom } from '../../helpers/clock.js'
import { load, tally, targetsOf, toolsOf } from '../../helpers/core.js'

interface Question { target: Target, path: string, timeoutMs: number, heard: (answer: Answer) => void }

class Talking {
  now = 0
  readonly targets: Target[]
  readonly policy: Policy
  readonly questions: Question[] = []

  constructor (count: number, options: PrequalOptions = {}) {
    this.targets = targetsOf(...new Array(count).fill(1))
    const tools = toolsOf(seededRandom(1), {
      now: () => this.now,
      ask: (target, path, timeoutMs, heard) => { this.questions.push({ target, path, timeoutMs, heard }) }
    })
    this.policy = prequal(tools, checked(prequalOptions, options, 'policy'))
    this.policy.update!(this.targets)
    // It has to know how many there are.
    this.pick()
  }

  /** An answer of the i-th target, by default with the default fields. */
  answer (i: number, inFlight: string | number, latency: string | number, { status = 200, names = ['x-prequal-in-flight', 'x-prequal-latency'] } = {}): void {
    this.policy.answered!(this.targets[i]!, answerOf(status, { [names[0]!]: String(inFlight), [names[1]!]: String(latency) }))
  }

  pick (): string {
    return this.policy.pick(this.targets, {}).id
  }
}

function answerOf (status: number, fields: Record<string, string>): Answer {
  return { status, ttfbMs: 1, header: name => fields[name] }
}

t.test('Of those heard of, the one that is faster and not hot', async t => {
  const talking = new Talking(20)
  talking.answer(3, 1, 40)
  talking.answer(5, 1, 20)
  talking.answer(7, 9, 1)
  t.equal(talking.pick(), 'f')
})

t.test('Nobody heard of, or only one: least requests', async t => {
  const talking = new Talking(10)
  for (const target of talking.targets) load(target, 5, talking.policy)
  load(talking.targets[8]!, 1, talking.policy)
  t.equal(talking.pick(), 'i')
  talking.answer(2, 0, 1)
  t.equal(talking.pick(), 'i')
})

t.test('Three targets are too few to have a pool of', async t => {
  const talking = new Talking(3)
  for (const i of [0, 1, 2]) talking.answer(i, 0, i)
  load(talking.targets[0]!, 1, talking.policy)
  load(talking.targets[1]!, 1, talking.policy)
  t.equal(talking.pick(), 'c')
})

t.test('Those who cannot be picked are not, whatever they say', async t => {
  const talking = new Talking(20)
  for (const i of [1, 2, 3]) talking.answer(i, 0, i)
  const others = talking.targets.slice(2)
  t.equal(talking.policy.pick(others, {}).id, 'c')
})

t.test('What is said goes out of date', async t => {
  const talking = new Talking(20, { maxAge: 300 })
  talking.answer(1, 0, 1)
  talking.answer(2, 0, 2)
  for (const target of talking.targets) load(target, 1, talking.policy)
  load(talking.targets[9]!, 0, talking.policy)
  talking.now = 301
  t.equal(talking.pick(), 'j')
})

t.test('The names of the fields are whatever they are', async t => {
  const talking = new Talking(20, { headers: { inFlight: 'X-RIF', latency: 'X-Took' } })
  const names = ['x-rif', 'x-took']
  talking.answer(1, 0, 9, { names })
  talking.answer(2, 0, 3, { names })
  talking.answer(3, 0, 1)
  t.equal(talking.pick(), 'c')
})

t.test('What is no figure is not heard', async t => {
  const talking = new Talking(20)
  talking.answer(1, 0, 5.25)
  talking.answer(2, 0, 9)
  for (const [inFlight, latency] of [['', '1'], ['1', ''], ['-1', '1'], ['1e3', '1'], ['1', 'fast'], ['Infinity', '1'], ['1,1', '1']] as const) talking.answer(3, inFlight, latency)
  talking.policy.answered!(talking.targets[3]!, answerOf(200, {}))
  talking.policy.answered!(talking.targets[3]!, answerOf(200, { 'x-prequal-in-flight': '0' }))
  t.equal(talking.pick(), 'b')
})

t.test('Who has failed is not heard for a while: it has few requests and is quick to fail', async t => {
  for (const fail of [
    (talking: Talking) => { talking.answer(2, 0, 1, { status: 500 }) },
    (talking: Talking) => { talking.policy.settle!(talking.targets[2]!, { outcome: 'timeout', durationMs: 1 }) }
  ]) {
    const talking = new Talking(20, { quantile: 1 })
    talking.answer(9, 9, 99)
    talking.answer(1, 0, 5)
    talking.answer(3, 0, 6)
    talking.answer(2, 0, 1)
    fail(talking)
    t.equal(talking.pick(), 'b')
    talking.answer(2, 0, 1)
    t.equal(talking.pick(), 'b')
    talking.now = 1_000
    talking.answer(1, 0, 5)
    talking.answer(3, 0, 6)
    talking.answer(2, 0, 1)
    t.equal(talking.pick(), 'c')
    talking.policy.settle!(talking.targets[1]!, { outcome: 'success', status: 200, durationMs: 1 })
  }
})

t.test('Who leaves takes along what it has said and done', async t => {
  const talking = new Talking(20)
  const [, b, c, d] = talking.targets as [Target, Target, Target, Target]
  for (const i of [1, 2, 3]) talking.answer(i, 0, i)
  talking.policy.settle!(d, { outcome: 'timeout', durationMs: 1 })
  talking.policy.update!(talking.targets.filter(target => target !== b && target !== d))
  talking.policy.update!(talking.targets)
  talking.answer(3, 0, 9)
  t.equal(talking.pick(), 'c', 'and one that comes back is a new one')
  t.equal(c.id, 'c')
})

t.test('Questions: so many for each pick, to anybody', async t => {
  const talking = new Talking(20, { probes: { path: '/load', perRequest: 0.5, timeout: 30 } })
  for (let i = 0; i < 1_000; i++) talking.pick()
  t.ok(talking.questions.length === 500, String(talking.questions.length))
  t.match(talking.questions[0], { path: '/load', timeoutMs: 30 })
  const asked = tally(talking.questions.map(({ target }) => target.id))
  t.equal(Object.keys(asked).length, 20)
  for (const [id, times] of Object.entries(asked)) t.ok(times > 5 && times < 55, `${id}: ${times}`)
})

t.test('What is answered to a question is heard as any answer', async t => {
  const talking = new Talking(20, { probes: {} })
  while (new Set(talking.questions.map(({ target }) => target)).size < 3) talking.pick()
  const asked = [...new Map(talking.questions.map(question => [question.target, question])).values()]
  asked.forEach(({ heard }, i) => { heard(answerOf(204, { 'x-prequal-in-flight': '0', 'x-prequal-latency': String(10 + i) })) })
  t.equal(talking.pick(), asked[0]!.target.id)
})

t.test('Options that are wrong are told', async t => {
  const faults: string[] = []
  prequalOptions({ headers: { inFlight: 'a b', latency: 3 }, quantile: 2, samples: 1, maxAge: 0, probes: { path: 'load', perRequest: 0, timeout: 0 } }, 'policy', faults)
  t.same(faults.map(line => line.split(':')[0]), [
    'policy.headers.inFlight', 'policy.headers.latency', 'policy.quantile', 'policy.samples', 'policy.maxAge',
    'policy.probes.path', 'policy.probes.perRequest', 'policy.probes.timeout'
  ])
  t.match(checked(prequalOptions, { probes: false }, 'policy'), { probes: false, samples: 16 })
})

t.test('As the only thing said, it takes the defaults', async t => {
  const targets = targetsOf(1, 1, 1, 1)
  const policy = prequal(toolsOf(() => 0))
  policy.update!(targets)
  t.ok(targets.includes(policy.pick(targets, {})))
})
