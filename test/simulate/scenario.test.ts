import t from 'tap'
import { scenarioOf } from '../../bench/simulate/scenario.js'

const time = { mean: 20 }

t.test('A pool is worked out: targets one by one, loads as rates', async t => {
  const { targets, phases } = scenarioOf({
    targets: [{ count: 2, cores: 4 }, { cores: 2, speed: 0.5 }, { joinsAt: 1_000 }],
    requests: { load: 0.5, time },
    phases: [{ name: 'calm', lasts: 10 }, { name: 'storm', lasts: 20, load: 2 }, { name: 'after', lasts: 5, perSecond: 7 }]
  })
  t.same(targets.map(({ id, cores, speed }: { id: string, cores: number, speed: number }) => `${id} ${cores} ${speed}`), ['t0 4 1', 't1 4 1', 't2 2 0.5', 't3 4 1'])
  // 9 cores' worth at 20 ms each: 450 a second.
  t.same(phases, [{ name: 'calm', lasts: 10, perSecond: 225 }, { name: 'storm', lasts: 20, perSecond: 900 }, { name: 'after', lasts: 5, perSecond: 7 }])
})

t.test('Everything that is wrong is told at once, with its place', async t => {
  const faults = (description: unknown) => {
    try {
      scenarioOf(description)
      return []
    } catch (error) {
      return (error as Error).message.split('\n')
    }
  }
  t.same(faults({ targets: [{ count: 0, speed: 'fast', colour: 'red' }], requests: { time: { mean: 20, spread: 'odd' } }, upstream: { policy: 'random', retry: { atempts: 1 } } }), [
    'targets[0].colour: unknown option; known are count, cores, speed, weight, discipline, slowdowns, failures, outages, joinsAt, leavesAt',
    'targets[0].count: expected 1 to 10000, got 0',
    'targets[0].speed: expected a number from 0.0001, got "fast" (string)',
    "requests.time.spread: expected 'constant' or 'exponential' or 'pareto' or 'bimodal' or 'normal' or 'lognormal', got \"odd\" (string)",
    'upstream.policy: this is set by the simulation',
    'upstream.retry.atempts: unknown option; known are attempts, unreachable, statuses, nonIdempotent, replayLimit, backoff, budget, hedge'
  ])
  t.same(faults({ targets: [{ joinsAt: 5, slowdowns: [{ lasts: 5, speed: 0 }, { every: 5, lasts: 5, speed: 0 }] }], requests: { time } }), [
    'targets: expected one at least that is there from the start',
    'requests: expected one of load, perSecond and concurrent, got none',
    'targets[0].slowdowns[0]: expected either every or at',
    'targets[0].slowdowns[1].lasts: expected less than every (5), got 5'
  ])
  t.same(faults({ targets: [{}], requests: { load: 1, concurrent: 2, time }, phases: [{ name: 'a', lasts: 1, load: 2 }] }), [
    'requests: expected one of load, perSecond and concurrent, got load and concurrent',
    'phases[0]: the number of clients is fixed, so there is no load to set'
  ])
  t.same(faults(7), ['options: expected an object, got 7'])
})
