import { atHome, momentary } from '../columns.js'
import { runAll } from '../crew.js'
import { shortened } from '../options.js'
import { lineChart } from '../../charts/line-chart.js'
import { table } from '../report/table.js'
import { scenarioOf } from '../scenario.js'
import * as settings from '../settings.js'
import { spread } from '../spread.js'
import { asked, bounds, hash } from '../workloads/zipf-keys.js'

export const file = 'imbalance.svg'

const exponents = [0.6, 0.8, 1, 1.2]

export async function draw ({ seeds, quick, jobs, progress }) {
  const scenarios = exponents.map(exponent => scenarioOf(asked(exponent))).map(scenario => quick ? shortened(scenario, settings.quick.measured) : scenario)
  const tasks = bounds.flatMap(bound => scenarios.flatMap(scenario => seeds.map(seed => ({ scenario, policy: hash('rendezvous', bound), seed }))))
  const results = await runAll(tasks, { jobs, progress })
  const rows = bounds.map(bound => ({ name: bound === undefined ? 'no bound' : `bound ${bound}`, results: exponents.map(() => results.splice(0, seeds.length)) }))
  return {
    data: rows,
    svg: lineChart({
      title: 'Busiest of 20 targets ÷ mean, over how unevenly keys are asked for',
      description: 'Policy hash (rendezvous) with this maxLoadFactor; 10,000 keys, 200 requests at any time. Bars: the seeds.',
      x: { label: 'Zipf exponent: the r-th key is asked for in proportion to 1 / r^exponent', ticks: exponents },
      y: { label: 'in flight, busiest ÷ mean', scale: 'linear', ticks: [1, 2, 3, 4, 5, 6] },
      series: rows.map(({ name, results }) => ({ name, points: results.map((each, i) => ({ x: exponents[i], ...spread(each.map(momentary.of)) })) }))
    }),
    markdown: table(
      rows.map(({ name, results }) => ({ name, results: results[0].map((_, seed) => results.map(each => each[seed])) })),
      exponents.flatMap((exponent, i) => [
        { ...momentary, title: `busiest ÷ mean, Zipf ${exponent}`, of: each => momentary.of(each[i]) },
        { ...atHome, title: 'at home', of: each => atHome.of(each[i]) }
      ]),
      'maxLoadFactor'
    )
  }
}
