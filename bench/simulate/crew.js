/** Runs simulations on all cores: each is one task of a worker thread, and what comes out does not depend on which. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

/**
 * @param tasks `{ scenario, policy, seed }` each: what `simulate` takes, which is plain data
 * @returns their results, in the order of the tasks; what is asked for twice is run once
 */
export async function runAll (tasks, { jobs = availableParallelism(), progress = () => {} } = {}) {
  const names = tasks.map(task => JSON.stringify(task))
  const waiting = [...new Map(names.map((name, i) => [name, tasks[i]]))]
  const all = waiting.length
  const results = new Map()
  const crew = Array.from({ length: Math.min(jobs, all) }, () => new Worker(new URL('worker.js', import.meta.url)))
  try {
    await Promise.all(crew.map(async worker => {
      // The longest are often the last of a list, and whoever begins one last is waited for.
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const [name, task] = next
        results.set(name, await run(worker, task))
        progress(results.size, all)
      }
    }))
  } finally {
    await Promise.all(crew.map(worker => worker.terminate()))
  }
  return names.map(name => results.get(name))
}

function run (worker, task) {
  return new Promise((resolve, reject) => {
    const settle = result => {
      worker.off('message', settle).off('error', reject)
      resolve(result)
    }
    worker.on('message', settle).on('error', reject)
    worker.postMessage(task)
  })
}
