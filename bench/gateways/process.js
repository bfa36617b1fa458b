/** A gateway that is somebody else's program: started with a config file of its own, ended with the run. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE = 5_000

/** Child processes, each with its folder. */
const running = new Map()
process.once('exit', () => {
  for (const [child, dir] of running) {
    // Not SIGKILL: the workers of a master that goes without a word stay.
    child.kill('SIGTERM')
    rmSync(dir, { recursive: true, force: true })
  }
})

/**
 * Resolves to its port, its process id and what ends it.
 * @param config makes the content of the config file from `{ port, dir }`
 * @param args makes the arguments from the file's path and the folder
 */
export async function startProcess (command, { config, args, core }) {
  const dir = mkdtempSync(join(tmpdir(), 'bench-'))
  // Workers may run as somebody else.
  chmodSync(dir, 0o755)
  const port = await freePort()
  const file = join(dir, 'gateway.conf')
  writeFileSync(file, config({ port, dir }))
  const words = [...(core === undefined ? [] : ['taskset', '-c', String(core)]), command, ...args(file, dir)]
  const child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
  running.set(child, dir)
  let said = ''
  child.stderr.on('data', chunk => { said += chunk })
  const gone = new Promise(resolve => child.once('exit', resolve).once('error', resolve)).then(() => {
    running.delete(child)
    rmSync(dir, { recursive: true, force: true })
  })
  try {
    await Promise.race([listening(port), gone.then(() => { throw new Error(`${command} has ended: ${said.trim()}`) })])
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    port,
    pid: child.pid,
    async end () {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
      await gone
      clearTimeout(timer)
    }
  }
}

async function listening (port) {
  for (const start = performance.now(); performance.now() - start < PATIENCE; await delay(20)) {
    const socket = connect(port, '127.0.0.1')
    const there = await once(socket, 'connect').then(() => true, () => false)
    socket.destroy()
    if (there) return
  }
  throw new Error(`nobody listens on port ${port}`)
}

async function freePort () {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
