import { p99 } from '../columns.js'
import { exists, isOurs } from '../contestants.js'
import { runAll } from '../crew.js'
import { shortened } from '../options.js'
import { lineChart } from '../../charts/line-chart.js'
import { table } from '../report/table.js'
import { scenarioOf } from '../scenario.js'
import * as settings from '../settings.js'
import { spread } from '../spread.js'
import { crowd } from '../workloads/antagonists.js'

export const file = 'p99-over-load.svg'

const loads = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
const policies = ['round-robin', 'power-of-two', 'least-requests', 'nginx least_time', 'prequal', 'adaptive', 'oracle queue']

const title = 'p99 over load: neighbours slow each of 20 targets down for 2 s of every 10'

export async function draw ({ seeds, quick, jobs, progress }) {
  const compared = policies.filter(exists)
  const scenarios = loads.map(load => scenarioOf(crowd(20, 20, load))).map(scenario => quick ? shortened(scenario, settings.quick.measured) : scenario)
  const tasks = compared.flatMap(policy => scenarios.flatMap(scenario => seeds.map(seed => ({ scenario, policy, seed }))))
  const results = await runAll(tasks, { jobs, progress })
  const rows = compared.map(name => ({ name, results: loads.map(() => results.splice(0, seeds.length)) }))
  return {
    data: rows,
    svg: lineChart({
      title,
      description: '20 gateways. Load is of what targets can do by themselves; neighbours take 14 % of it. Bars: the seeds. Dashed: not ours.',
      x: { label: 'load', ticks: loads },
      y: { label: 'p99, ms', scale: 'logarithmic', ticks: [50, 100, 200, 500, 1_000, 2_000] },
      series: rows.map(({ name, results }) => ({ name, dashed: !isOurs(name), points: results.map((each, i) => ({ x: loads[i], ...spread(each.map(p99.of)) })) }))
    }),
    // A row has the results of all loads, so each column takes those of its own.
    markdown: table(
      rows.map(({ name, results }) => ({ name, results: results[0].map((_, seed) => results.map(each => each[seed])) })),
      loads.map((load, i) => ({ ...p99, title: `p99 ms, load ${load}`, of: each => p99.of(each[i]) }))
    )
  }
}
