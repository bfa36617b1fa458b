/** The example app as a user runs it: a process of its own, watched from outside. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startTarget, type Ending } from '../helpers/servers.js'
import { ROOT } from '../helpers/root.js'

/** Far beyond what anything takes: whoever waits longer waits for ever. */
const DEADLINE_MS = 40_000

/** Waits until `condition` returns something that is true, and returns it. */
export async function until<T> (what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + DEADLINE_MS
  while (true) {
    const value = await condition()
    if (value !== undefined && value !== null && value !== false) return value
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await delay(20)
  }
}

export interface LogLine { pid: number, msg: string, [field: string]: unknown }

export interface App {
  child: ChildProcess
  /** What it has written so far. */
  stdout: () => string
  stderr: () => string
  /** The lines of its log so far, or those with this message. */
  log: (msg?: string) => LogLine[]
  exited: Promise<{ code: number | null, signal: string | null }>
  /** Waits for words on stdout. */
  says: (pattern: RegExp) => Promise<RegExpMatchArray>
}

/** `node dist/example-app/main.js`. */
export function startApp (t: Ending, args: string[], env: Record<string, string> = {}): App {
  return startProgram(t, 'dist/example-app/main.js', args, env)
}

/** A program of the build, in a process group of its own. Killed when the test ends. */
export function startProgram (t: Ending, program: string, args: string[], env: Record<string, string> = {}): App {
  // Without what the test runner puts into NODE_OPTIONS of all its children: to coverage, dist/ is other files than those that tests import.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, program, ...args], {
    cwd: ROOT,
    detached: true,
    env: { PATH: process.env.PATH, ...env }
  })
  const written = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => { written.stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { written.stderr += chunk.toString() })
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL')
    await exited
  })
  const log = (msg?: string): LogLine[] => {
    const lines = written.stdout.split('\n').slice(0, -1).filter(line => line.startsWith('{')).map(line => JSON.parse(line) as LogLine)
    return msg === undefined ? lines : lines.filter(line => line.msg === msg)
  }
  const says = (pattern: RegExp): Promise<RegExpMatchArray> => until(`stdout has ${pattern}`, () => {
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}: ${written.stderr}`)
    return written.stdout.match(pattern)
  })
  return { child, stdout: () => written.stdout, stderr: () => written.stderr, log, exited, says }
}

export interface RunningApp extends App { url: string }

/** A gateway with such a configuration, on a free port, listening. */
export async function startConfigured (t: Ending & { testdir: (fixture: Record<string, string>) => string }, config: object, env: Record<string, string> = {}): Promise<RunningApp> {
  const dir = t.testdir({ 'gateway.json': JSON.stringify({ listen: { port: 0 }, ...config }, null, '\t') })
  const app = startApp(t, ['--config', `${dir}/gateway.json`], env)
  await app.says(/"the gateway is listening"/)
  return { ...app, url: app.log('the gateway is listening')[0]!.address as string }
}

/** A configuration with three targets that answer with their names, and affinity. */
export async function threeTargets (t: Ending): Promise<object> {
  const targets = await Promise.all(['a', 'b', 'c'].map(name => startTarget(t, name)))
  return {
    upstreams: { shop: { targets: targets.map(({ name, url }) => ({ id: name, url })), affinity: { cookie: {} } } },
    routes: { '/': 'shop' }
  }
}

/** The workers, in the order in which they began to listen. */
export function workersOf (app: RunningApp): number[] {
  return app.log().filter(({ msg }) => msg.startsWith('Server listening')).map(({ pid }) => pid)
}

export interface Answer { status: number, headers: IncomingHttpHeaders, body: string }

/** A request on a connection of its own, so that any worker may get it. */
export async function get (url: string, { method = 'GET', headers = {} }: { method?: string, headers?: Record<string, string> } = {}): Promise<Answer> {
  const request = httpRequest(url, { method, headers, agent: false })
  request.end()
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return { status: response.statusCode, headers: response.headers, body }
}

export function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Waits until no new connection is accepted. Sends nothing on those that are: it would be in flight, and served. */
export async function refusal (url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  await until('connections are refused', async () => {
    const socket = connect(Number(port), hostname)
    const code = await once(socket, 'connect').then(() => undefined, (error: NodeJS.ErrnoException) => error.code)
    socket.destroy()
    return code === 'ECONNREFUSED'
  })
}
