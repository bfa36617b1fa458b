import t from 'tap'
import { usual } from '../../bench/simulate/columns.js'
import { exists, nameOf } from '../../bench/simulate/contestants.js'
import { simulate } from '../../bench/simulate/engine/simulation.js'
import { scenarioOf } from '../../bench/simulate/scenario.js'
import * as settings from '../../bench/simulate/settings.js'
import { workloads } from '../../bench/simulate/workloads/index.js'

/** Everything a hundred times as fast, but for the requests themselves. */
const SHARE = 0.01

interface Times { every?: number, at?: number, lasts: number, speed: number }
interface Case { gateways: number, warmUp: number, phases: Array<{ lasts: number }>, targets: Array<{ slowdowns: Times[], joinsAt?: number, failures?: { from: number } }> }

function tiny (description: unknown): Case {
  const scenario = scenarioOf(description) as Case
  const short = <T extends object>(value: T, names: Array<keyof T>): T =>
    ({ ...value, ...Object.fromEntries(names.filter(name => value[name] !== undefined).map(name => [name, value[name] as number * SHARE])) })
  return {
    ...short(scenario, ['warmUp']),
    gateways: Math.min(4, scenario.gateways),
    phases: scenario.phases.map(phase => short(phase, ['lasts'])),
    targets: scenario.targets.map(target => ({
      ...short(target, ['joinsAt']),
      slowdowns: target.slowdowns.map(slowdown => short(slowdown, ['every', 'at', 'lasts'])),
      ...(target.failures !== undefined && { failures: short(target.failures, ['from']) })
    }))
  }
}

for (const [name, workload] of Object.entries(workloads)) {
  const { cases, policies = settings.policies, columns = usual } = workload as { cases: Record<string, unknown>, policies?: unknown[], columns?: Array<{ title: string, of: (result: unknown) => number }> }
  Object.entries(cases).forEach(([kase, description], i) => {
    // Each policy has its turn.
    const policy = policies[i % policies.length]
    t.test(`${name}, ${kase}, ${nameOf(policy)}`, async t => {
      const result = simulate(tiny(description), policy, 1)
      t.ok(result.requests > 50)
      for (const { title, of } of columns) t.type(of(result), 'number', title)
      t.notOk(columns.some(({ of }) => Number.isNaN(of(result))))
    })
  })
}

t.test('The settings name policies that are there', async t => {
  t.same(settings.policies.filter(policy => !exists(policy)), [])
  t.same(settings.advised.filter(policy => !exists(policy)), [])
  t.same(settings.loadAware.filter(policy => !exists(policy)), [])
})
