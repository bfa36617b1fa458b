/** A snippet that is a program with workers, in processes of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Ending } from '../../helpers/targets.js'

export interface Workers {
  /** Where they listen, by the number of the process. */
  urls: Map<number, string>
}

/** Runs `file` until so many of its processes say that they listen, as Fastify's log does; ended with the test. */
export async function startWorkers (t: Ending, file: string, count: number): Promise<Workers> {
  // Without what the test runner has its own processes load.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    if (child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  })
  const urls = new Map<number, string>()
  for await (const line of createInterface(child.stdout)) {
    const { pid, msg } = JSON.parse(line) as { pid: number, msg: string }
    const listening = /listening at (.*)$/.exec(msg)
    if (listening !== null) urls.set(pid, listening[1]!)
    if (urls.size === count) break
  }
  return { urls }
}
