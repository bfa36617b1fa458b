/** One attack: its targets, its gateway, and the clients of both kinds. */
import { fork, type ChildProcess } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../../helpers/root.js'
import { startRawTarget } from '../../helpers/targets.js'
import { Broken, type Attack } from './attack.js'
import type { Measured, Question, Rest } from './messages.js'
import { Others } from './others.js'

/** What must hold in every attack. */
export const BOUNDS = { memory: 64, stall: 500, settle: 2_000 } as const

/** Milliseconds that the gateway may take to say anything at all, and that an attack may last. */
const SILENCE = 15_000
const LONGEST = 45_000

export interface Result {
  name: string
  sent: string
  /** What the attacker got. */
  got: string
  measured: Measured | undefined
  inFlight: number | undefined
  others: string
  /** Bounds that were broken. */
  broken: string[]
}

export interface Stage {
  url: string
  port: number
  /** A number of connections or requests, as large as this run wants it. */
  scale: (n: number) => number
  /** Connections to targets that were open at once. */
  peakConnections: () => number
  connections: () => number
  /** All that targets were asked. */
  heads: string[]
  rest: () => Promise<Rest>
  /** A connection to the gateway, ended with the attack. */
  open: () => Promise<Socket>
  /** Sends bytes on a connection of its own, and returns all that comes until it is closed, or nothing comes for a while. */
  ask: (bytes: string, quietMs?: number) => Promise<string>
}

export interface Run {
  scale?: number
  /** The file of the plugin. @default the one that was built */
  plugin?: string
  /** Milliseconds that the event loop may be late. @default 500 */
  stall?: number
}

export async function runAttack (attack: Attack, { scale = 1, plugin = `${ROOT}dist/lib/index.js`, stall = BOUNDS.stall }: Run = {}): Promise<Result> {
  const endings: Array<() => unknown> = []
  const ending = { teardown: (run: () => unknown) => { endings.unshift(run) } }
  try {
    return await play(attack, { scale, plugin, stall }, ending)
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    // It did not even start.
    return { name: attack.name, sent: attack.sent, got: 'nothing', measured: undefined, inFlight: undefined, others: '', broken: [error.message] }
  } finally {
    for (const end of endings) await end()
  }
}

async function play (attack: Attack, { scale, plugin, stall }: Required<Run>, ending: { teardown: (run: () => unknown) => void }): Promise<Result> {
  let open = 0
  let peak = 0
  const heads: string[] = []
  const targets = await Promise.all(attack.targets.map((behaviour, n) => startRawTarget(ending, socket => {
    peak = Math.max(peak, ++open)
    socket.on('close', () => { open-- })
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      // Bodies are of no interest, and a head follows only when the one before has been answered.
      const end = text.indexOf('\r\n\r\n')
      if (end === -1) return
      const head = text.slice(0, end)
      text = ''
      if (!/^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(head)) return
      if (head.startsWith('GET /well ')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nwell')
      } else {
        heads.push(head)
        behaviour(socket, head, n)
      }
    })
  })))
  const gateway = new GatewayProcess(attack.name, targets.map(({ url }) => url), plugin)
  ending.teardown(() => gateway.stop())
  const url = await gateway.url
  const clients = new Set<Socket>()
  ending.teardown(() => { for (const client of clients) client.destroy() })
  const stage: Stage = {
    url,
    port: Number(new URL(url).port),
    scale: n => Math.max(1, Math.round(n * scale)),
    peakConnections: () => peak,
    connections: () => open,
    heads,
    rest: () => gateway.ask<Rest>('rest'),
    open: async () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      clients.add(socket)
      socket.on('error', () => {}).on('close', () => clients.delete(socket))
      await new Promise(resolve => { socket.once('connect', resolve).once('close', resolve) })
      return socket
    },
    ask: async (bytes, quietMs = 1_000) => {
      const socket = await stage.open()
      let text = ''
      socket.on('data', chunk => { text += chunk.toString('latin1') }).setTimeout(quietMs, () => { socket.destroy() }).write(bytes, 'latin1')
      await new Promise(resolve => { socket.on('close', resolve) })
      return text
    }
  }

  const broken: string[] = []
  let got = ''
  const http2 = attack.gateway(targets.map(({ url }) => url)).server?.http2 === true
  const warmUp = new Others(url, http2)
  await new Promise(resolve => setTimeout(resolve, 300))
  await warmUp.stop()
  await gateway.ask('begin')
  const others = new Others(url, http2)
  try {
    got = await within(attack.run(stage), LONGEST)
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    got = error.message
    broken.push(error.message)
  }
  await others.stop()
  for (const client of clients) client.destroy()
  let measured: Measured | undefined
  let inFlight: number | undefined
  try {
    inFlight = await settled(gateway)
    measured = await gateway.ask<Measured>('end')
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    broken.push(error.message)
  }
  if (inFlight !== undefined && inFlight > 0) broken.push(`${inFlight} in flight`)
  if (measured !== undefined) {
    if (measured.held > BOUNDS.memory) broken.push(`${Math.round(measured.held)} MB held`)
    if (measured.stall > stall) broken.push(`event loop stopped for ${Math.round(measured.stall)} ms`)
    broken.push(...new Set(measured.uncaught.map(message => `uncaught: ${message}`)))
  }
  if (!others.allServed) broken.push('other clients were not served')
  return { name: attack.name, sent: attack.sent, got, measured, inFlight, others: others.summary, broken }
}

async function settled (gateway: GatewayProcess): Promise<number> {
  const end = performance.now() + BOUNDS.settle
  while (true) {
    const { inFlight, queued } = await gateway.ask<Rest>('rest')
    if (inFlight + queued === 0 || performance.now() > end) return inFlight + queued
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

async function within<T> (promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Broken(`not over after ${ms / 1000} s`)) }, ms)
  })
  return await Promise.race([promise, late]).finally(() => { clearTimeout(timer) })
}

class GatewayProcess {
  readonly url: Promise<string>
  readonly #child: ChildProcess
  readonly #waiting = new Map<string, (answer: unknown) => void>()
  #stderr = ''
  #exit: string | undefined

  constructor (name: string, targets: string[], plugin: string) {
    const file = fileURLToPath(new URL('gateway.js', import.meta.url))
    this.#child = fork(file, [name, JSON.stringify(targets), plugin], { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.stderr!.on('data', chunk => { this.#stderr = (this.#stderr + String(chunk)).slice(-2_000) })
    this.#child.on('message', ({ question, answer }: { question: string, answer: unknown }) => {
      this.#waiting.get(question)?.(answer)
      this.#waiting.delete(question)
    })
    this.#child.on('exit', (code, signal) => {
      this.#exit = `the gateway ended with ${signal ?? code} ${/\w*Error.*/.exec(this.#stderr)?.[0] ?? ''}`.trim()
      for (const answer of this.#waiting.values()) answer(undefined)
    })
    this.url = this.#answerTo('listening')
  }

  async ask<T> (question: Question): Promise<T> {
    if (this.#exit === undefined) this.#child.send(question)
    return await this.#answerTo<T>(question)
  }

  async #answerTo<T> (question: string): Promise<T> {
    const answer = this.#exit !== undefined
      ? undefined
      : await new Promise<unknown>(resolve => {
        const timer = setTimeout(resolve, SILENCE, undefined)
        this.#waiting.set(question, answer => {
          clearTimeout(timer)
          resolve(answer)
        })
      })
    if (answer !== undefined) return answer as T
    throw new Broken(this.#exit ?? `the gateway did nothing for ${SILENCE / 1000} s`)
  }

  async stop (): Promise<void> {
    if (this.#exit !== undefined) return
    const ended = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }
}
