/** Each gate, whether it holds, and the figures: `npm run simulate -- gates`. */
import { writeFile } from 'node:fs/promises'
import { exists, nameOf } from '../contestants.js'
import { runAll } from '../crew.js'
import { gates as ofPolicies } from '../gates/policies.js'
import { gates as ofTheSimulator } from '../gates/validity.js'
import { HELP, parsed, progress, shortened } from '../options.js'
import { scenarioOf } from '../scenario.js'
import * as settings from '../settings.js'

export async function run (args) {
  const options = parsed(args)
  if (options.help) {
    console.log(`npm run simulate -- gates [options]; it fails when a gate falls short\n${HELP}`)
    return
  }
  const judged = await judgeAll([...ofTheSimulator, ...ofPolicies].filter(gate => !(options.quick && gate.long)), options)
  for (const { name, verdict, figure } of judged) console.log(`${verdict.padEnd(12)} ${name}: ${figure}`)
  if (judged.some(({ verdict }) => verdict !== 'pass')) process.exitCode = 1
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ seeds: options.seeds, quick: options.quick === true, gates: judged }, null, 2) + '\n')
}

/** The simulations of all gates at once: several gates look at the same ones. */
async function judgeAll (gates, { seeds, quick, jobs }) {
  const played = (scenario, whole) => quick && !whole ? shortened(scenario, settings.quick.measured) : scenario
  const runnable = gates.filter(gate => missing(gate).length === 0)
  const tasks = runnable.flatMap(({ runs, whole }) => Object.values(runs).flatMap(({ description, policy }) =>
    seeds.map(seed => ({ scenario: played(scenarioOf(description), whole), policy, seed }))))
  const results = await runAll(tasks, { jobs, progress: (done, all) => progress(`${done} of ${all}`) })
  progress('')
  return gates.map(gate => {
    const { name, runs, judge } = gate
    if (!runnable.includes(gate)) return { name, verdict: 'not run', figure: `there is no policy ${missing(gate).join(', ')}` }
    const { figure, passes } = judge(Object.fromEntries(Object.keys(runs).map(key => [key, results.splice(0, seeds.length)])))
    return { name, verdict: passes ? 'pass' : 'falls short', figure }
  })
}

function missing ({ runs }) {
  return [...new Set(Object.values(runs).map(({ policy }) => policy).filter(policy => !exists(policy)).map(nameOf))]
}
