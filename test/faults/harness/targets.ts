/** Targets that misbehave on demand, each in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What a target does with a request:
 * - `ok`: answers it after the latency, `fail-fast`: 503 at once, `hang`: takes it and never answers
 * - `accept-and-close`: ends the connection as soon as it is there
 * - `reset`, `reset-in-headers`, `reset-in-body`: resets the connection before the response, in its headers, in its body; `reset-in-upload`: in
 *   the body of the request
 * - `end-in-body`: closes in mid-body, `stall-in-body`: falls silent there
 * - `trickle`: answers one byte at a time
 * - `garbage`: answers what is not HTTP
 * - `length-too-long`, `length-too-short`: lies about the length of its body
 */
export type Kind = 'ok' | 'fail-fast' | 'hang' | 'accept-and-close' | 'reset' | 'reset-in-headers' | 'reset-in-body' | 'reset-in-upload' | 'end-in-body' |
  'stall-in-body' | 'trickle' | 'garbage' | 'length-too-long' | 'length-too-short'

export interface Behaviour {
  /** Milliseconds before it answers, from and to. */
  latency?: [number, number]
  /** Share of the requests that get something else than `ok`, 0 to 1. Which ones is a matter of their id and the seed alone. */
  kinds?: Partial<Record<Kind, number>>
  /** Connections that have been idle for about so many milliseconds are closed: half-closed, closed or reset. */
  idle?: { ms: number, spread: number }
}

export interface TargetStats { inFlight: number, mostInFlight: number, connections: number }

export interface TargetPlace {
  /** Folder of the ledgers; none are kept without. */
  dir?: string
  seed?: number
  host?: string
  /** Command that runs it, as `ip netns exec name`. */
  within?: string[]
}

/** Milliseconds within which an order is carried out. */
const PATIENCE = 15_000

const script = fileURLToPath(new URL('./target-process.js', import.meta.url))

export class FaultTarget {
  readonly id: string
  readonly #place: TargetPlace
  #port = 0
  #process: ChildProcess | undefined
  #behaviour: Behaviour = {}
  #orders = 0
  readonly #waiting = new Map<number, { resolve: (value: never) => void, reject: (error: Error) => void }>()

  constructor (id: string, place: TargetPlace = {}) {
    this.id = id
    this.#place = place
  }

  get url (): string { return `http://${this.#place.host ?? '127.0.0.1'}:${this.#port}` }

  get ledger (): string | undefined {
    return this.#place.dir === undefined ? undefined : join(this.#place.dir, `${this.id}.ledger`)
  }

  /** Starts the process; a second time, on the port it had. */
  async start (): Promise<void> {
    const { host = '127.0.0.1', seed = 1, within = [] } = this.#place
    const [command, ...words] = [...within, process.execPath, script, host, String(this.#port), this.ledger ?? '', String(seed)]
    const child = spawn(command!, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { PATH: process.env['PATH'] } })
    this.#process = child
    child.on('message', ({ order, result, error }: { order: number, result: never, error?: string }) => {
      const waiting = this.#waiting.get(order)
      this.#waiting.delete(order)
      if (error === undefined) waiting?.resolve(result)
      else waiting?.reject(new Error(`${this.id}: ${error}`))
    })
    child.on('error', () => {})
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${this.id} has ended`))
      this.#waiting.clear()
    })
    const { port } = await this.#order<{ port: number }>('start')
    this.#port = port
    await this.behave(this.#behaviour)
  }

  async behave (behaviour: Behaviour): Promise<void> {
    this.#behaviour = behaviour
    await this.#order('behave', behaviour)
  }

  /** Closes its port and all connections, but lives on. */
  async refuse (): Promise<void> { await this.#order('refuse') }

  async listen (): Promise<void> { await this.#order('listen') }

  stats (): Promise<TargetStats> { return this.#order('stats') }

  /** kill -9. */
  async kill (): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    this.#process = undefined
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  #order<T> (name: string, argument?: unknown): Promise<T> {
    const order = this.#orders++
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(reject, PATIENCE, new Error(`${this.id}: ${name} took too long`))
      this.#waiting.set(order, {
        resolve (value) { clearTimeout(timer); resolve(value) },
        reject (error) { clearTimeout(timer); reject(error) }
      })
      this.#process!.send({ order, name, argument }, error => { if (error !== null) this.#waiting.get(order)?.reject(error) })
    })
  }
}
