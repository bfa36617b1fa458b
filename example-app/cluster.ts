/** The primary of a cluster: starts workers, replaces those that die or have become old, ends them. */
import cluster, { type Worker } from 'node:cluster'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { FastifyBaseLogger } from 'fastify'
import { clusterPrimary } from '../lib/index.js'
import type { Amendment } from './changes.js'
import type { GatewayConfig } from './config.js'
import { secretless } from './secrets.js'
import type { Running } from './serve.js'
import type { FromWorker, Plan, ToWorker } from './worker.js'

/** Deaths of workers, for each worker there is, that are taken within a minute: beyond that, replacing them heals nothing. */
const DEATHS = 5
const MINUTE = 60_000

/** Ends all workers at once. */
export function killWorkers (): void {
  for (const worker of living()) worker.process.kill('SIGKILL')
}

interface Listening { worker: Worker, address: string }

export class Workers implements Running {
  address = ''
  #plan: Plan
  readonly #log: FastifyBaseLogger
  /** Those that serve by the present configuration. */
  readonly #serving = new Set<Worker>()
  /** Those that are to take the place of the dead, and do not listen yet. */
  readonly #replacing = new Set<Worker>()
  #deaths: number[] = []

  private constructor (config: GatewayConfig, log: FastifyBaseLogger) {
    this.#plan = planOf(config)
    this.#log = log
  }

  /** Resolved when all workers listen; rejected when one ends before. */
  static async start (config: GatewayConfig, log: FastifyBaseLogger): Promise<Workers> {
    // Structured clone, as JSON has no Infinity.
    cluster.setupPrimary({ serialization: 'advanced' })
    // What is changed by hand in one of them reaches all; so does one secret, for cookies that have none.
    clusterPrimary()
    const workers = new Workers(config, log)
    workers.#warnOfSecrets()
    cluster.on('exit', workers.#onExit)
    workers.#serve(await workers.#forkAll())
    if (workers.#serving.size < config.workers) throw new Error('a worker died while others were starting')
    return workers
  }

  /**
   * Others by this configuration, and when all of them listen, those that were there leave, each with its last client. Rejected when one cannot
   * start: then nothing has changed.
   */
  async renew (config: GatewayConfig): Promise<void> {
    const before = this.#plan
    this.#plan = planOf(config)
    let fresh: Listening[]
    try {
      fresh = await this.#forkAll()
    } catch (error) {
      this.#plan = before
      throw error
    }
    const old = [...this.#serving]
    this.#serving.clear()
    this.#serve(fresh)
    this.#warnOfSecrets()
    for (const worker of old) leave(worker)
  }

  /** What workers take over while they serve. */
  async amend (config: GatewayConfig, amendment: Amendment): Promise<void> {
    this.#plan = { ...this.#plan, config }
    const answers = await Promise.all([...this.#serving].map(worker => amended(worker, amendment)))
    const faults = answers.filter(fault => fault !== null)
    if (faults.length > 0) throw new Error(faults[0])
  }

  readonly stop = async (): Promise<void> => {
    cluster.off('exit', this.#onExit)
    await Promise.all(living().map(async worker => {
      const gone = once(worker, 'exit')
      worker.process.kill('SIGTERM')
      await gone
    }))
  }

  /** As many as there are to be; when one of them cannot start, none. */
  async #forkAll (): Promise<Listening[]> {
    const starts = await Promise.allSettled(Array.from({ length: this.#plan.config.workers }, () => this.#listening(cluster.fork())))
    const listening = starts.flatMap(start => start.status === 'fulfilled' ? [start.value] : [])
    const failed = starts.find((start): start is PromiseRejectedResult & { reason: Error } => start.status === 'rejected')
    if (failed === undefined) return listening
    for (const { worker } of listening) leave(worker)
    throw failed.reason
  }

  #serve (listening: readonly Listening[]): void {
    for (const { worker } of listening) if (!worker.isDead()) this.#serving.add(worker)
    this.address = listening[0]!.address
  }

  /** Resolved once the worker listens. */
  #listening (worker: Worker): Promise<Listening> {
    // It may end while it is being written to. What follows from that follows from its end.
    worker.on('error', error => { this.#log.warn(error, 'a worker cannot be reached') })
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message === 'ready') tell(worker, { serve: this.#plan })
        else if ('listening' in message) resolve({ worker, address: message.listening })
        else if ('failed' in message) reject(new Error(message.failed))
      })
      worker.once('exit', (code, signal) => { reject(new Error(`a worker ended before it could listen (${signal ?? `exit code ${code}`})`)) })
    })
  }

  readonly #onExit = (worker: Worker, code: number | null, signal: string | null): void => {
    // Otherwise it was to leave, or the first of its kind, whose start somebody waits for.
    if (!this.#serving.delete(worker) && !this.#replacing.delete(worker)) return
    this.#log.error({ worker: worker.process.pid, code, signal }, 'a worker died')
    const now = Date.now()
    this.#deaths = [...this.#deaths.filter(time => time > now - MINUTE), now]
    // Nobody catches this: it ends the gateway as any unexpected error does, with the requests in flight served.
    if (this.#deaths.length > DEATHS * this.#plan.config.workers) throw new Error(`${this.#deaths.length} workers died within a minute`)
    this.#replace()
  }

  #replace (): void {
    const plan = this.#plan
    const worker = cluster.fork()
    this.#replacing.add(worker)
    this.#listening(worker).then(() => {
      if (!this.#replacing.delete(worker)) return
      // Others may have taken the place of all meanwhile.
      const isWanted = this.#serving.size < this.#plan.config.workers
      if (isWanted && plan === this.#plan) {
        this.#serving.add(worker)
      } else {
        leave(worker)
        if (isWanted) this.#replace()
      }
    }, (error: unknown) => { this.#log.error(error, 'a worker could not be replaced') })
  }

  #warnOfSecrets (): void {
    const { secret, balancer } = this.#plan.config
    if (secret !== undefined) return
    const upstreams = secretless(balancer)
    if (upstreams.length > 0) {
      this.#log.warn({ upstreams }, 'affinity.cookie has no secret: the workers share a random one, so clients lose their target when the gateway restarts, and other gateways do not know their cookies; LB_SECRET sets one')
    }
  }
}

/** Every configuration is a generation of its own: what was changed by hand is a change of what the file said then. */
function planOf (config: GatewayConfig): Plan {
  return { config, generation: randomUUID() }
}

/** What stood in the way; null for nothing, also when it has died: whoever takes its place begins with what is new. */
function amended (worker: Worker, amendment: Amendment): Promise<string | null> {
  return new Promise(resolve => {
    const heard = (message: FromWorker): void => {
      if (typeof message === 'object' && 'amended' in message) end(message.amended)
    }
    const died = (): void => { end(null) }
    const end = (fault: string | null): void => {
      worker.off('message', heard).off('exit', died)
      resolve(fault)
    }
    worker.on('message', heard).on('exit', died)
    tell(worker, { amend: amendment })
  })
}

function leave (worker: Worker): void {
  if (worker.isConnected()) tell(worker, 'leave')
}

function tell (worker: Worker, message: ToWorker): void {
  worker.send(message)
}

function living (): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(worker => worker !== undefined && !worker.isDead()) as Worker[]
}
