/** A real Redis on loopback, on a port of its own, that can be killed and started again. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import type { Ending } from './servers.js'

/** Why there can be none; false when there can. For the option `skip` of a test. */
export const noRedis: string | false = (() => {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'NOT TESTED: there is no redis-server here (Debian: apt-get install redis-server)'
  }
})()

export interface RedisServer {
  port: number
  /** Sends commands to it, for the test's own use. */
  client: Redis
  /** Ends it at once, as `kill -9` does. */
  kill: () => Promise<void>
  /** Starts it again on the same port, empty. */
  restart: () => Promise<void>
  /** Makes it hang, and go on. */
  hang: () => void
  goOn: () => void
}

/** `options`: more of the server's own. `user`: whom the test's commands are sent as. */
export async function startRedis (t: Ending, { options = [], user = {} }: { options?: string[], user?: { username?: string, password?: string } } = {}): Promise<RedisServer> {
  const port = await freePort()
  let running = await start(port, options)
  const kill = async (): Promise<void> => {
    if (running.exitCode !== null || running.signalCode !== null) return
    const ended = once(running, 'exit')
    running.kill('SIGKILL')
    await ended
  }
  const client = new Redis({ ...user, port, retryStrategy: () => 10, maxRetriesPerRequest: null })
  client.on('error', () => {})
  t.teardown(async () => {
    client.disconnect()
    await kill()
  })
  return {
    port,
    client,
    kill,
    restart: async () => { running = await start(port, options) },
    hang: () => { running.kill('SIGSTOP') },
    goOn: () => { running.kill('SIGCONT') }
  }
}

async function start (port: number, options: string[]): Promise<ChildProcess> {
  // A test that is killed takes it along.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...options], { stdio: ['ignore', 'pipe', 'ignore'] })
  let log = ''
  for await (const chunk of child.stdout!) {
    log += String(chunk)
    if (log.includes('Ready to accept connections')) break
  }
  if (!log.includes('Ready to accept connections')) throw new Error(`redis-server has not started:\n${log}`)
  return child
}

export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
