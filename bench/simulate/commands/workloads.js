/** All policies at all workloads: `npm run simulate`. */
import { writeFile } from 'node:fs/promises'
import { usual } from '../columns.js'
import { exists, nameOf } from '../contestants.js'
import { runAll } from '../crew.js'
import { chosen, HELP, parsed, progress, shortened } from '../options.js'
import { table } from '../report/table.js'
import { scenarioOf } from '../scenario.js'
import * as settings from '../settings.js'
import { workloads } from '../workloads/index.js'

const names = Object.keys(workloads)

export async function run (args) {
  const options = parsed(args, { only: { type: 'string' }, policies: { type: 'string' } })
  if (options.help) {
    console.log(`npm run simulate -- [options]\n  --only list    workloads, separated by commas: ${names.join(', ')}\n  --policies list\n${HELP}`)
    return
  }
  const all = []
  for (const name of chosen('--only', options.only, names)) {
    const { title, shows, cases, policies = settings.policies, columns = usual } = workloads[name]
    const compared = policies.filter(policy => exists(policy) && (options.policies === undefined || options.policies.split(',').includes(nameOf(policy))))
    const runs = Object.entries(cases).flatMap(([kase, description]) => compared.map(policy => ({ kase, description, policy })))
    const results = await simulateAll(name, runs, options)
    console.log(`\n## ${title}\n\nShows ${shows}.`)
    for (const kase of Object.keys(cases)) console.log(`\n${kase}:\n\n${table(results.filter(result => result.kase === kase), columns)}`)
    all.push({ workload: name, title, cases: results })
  }
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ seeds: options.seeds, quick: options.quick === true, workloads: all }) + '\n')
}

/** Each at all seeds. */
async function simulateAll (workload, runs, { seeds, quick, jobs }) {
  const tasks = runs.flatMap(({ description, policy }) => {
    const scenario = scenarioOf(description)
    return seeds.map(seed => ({ scenario: quick ? shortened(scenario, settings.quick.measured) : scenario, policy, seed }))
  })
  const results = await runAll(tasks, { jobs, progress: (done, all) => progress(`${workload}: ${done} of ${all}`) })
  progress('')
  return runs.map(({ kase, policy }, i) => ({ kase, name: nameOf(policy), results: results.slice(i * seeds.length, (i + 1) * seeds.length) }))
}
