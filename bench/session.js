/** What every command of the bench does around its measuring. */
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { Child, endAll } from './child.js'

/** Runs `work`, and ends every process of the bench whatever becomes of it. */
export async function inSession (work) {
  const stop = () => {
    endAll()
    process.exit(130)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    return await work()
  } finally {
    endAll()
  }
}

/** The processes of the load and of so many targets; `files`: theirs. */
export async function startSurroundings (cores, count, files = { load: 'load.js', targets: 'targets.js' }) {
  const load = new Child(files.load, [], { core: cores.load })
  const targets = new Child(files.targets, [], { core: cores.targets })
  const { ports } = await targets.call('start', { count })
  return { load, targets, origins: ports.map(port => `http://127.0.0.1:${port}`) }
}

export function machine () {
  return { node: process.version, cpu: cpus()[0]?.model.trim() ?? 'unknown', cpus: cpus().length }
}

export async function writeJson (file, value) {
  if (file !== undefined) await writeFile(file, JSON.stringify(value, null, 1) + '\n')
}

export function progress (text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}\r`)
  else console.error(text)
}
