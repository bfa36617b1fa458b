/** A gateway with three targets that misbehave, clients in front, and the end of it all. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer, { type Upstream, type UpstreamOptions } from '../../../lib/index.js'
import { Clients, pause } from './clients.js'
import { count, type Count } from './count.js'
import { readLedgers } from './ledger.js'
import { FaultTarget, type Behaviour, type TargetPlace } from './targets.js'

export interface StageOptions {
  upstream?: Omit<UpstreamOptions, 'targets'>
  /** Clients that may have a request under way at once. */
  connections: number
  behaviour?: Behaviour
  /** Where each target is; their number, too. */
  places?: TargetPlace[]
  seed?: number
  /** Whether targets and clients keep an account of each request. @default true */
  ledger?: boolean
}

export class Stage {
  readonly app: FastifyInstance
  readonly url: string
  readonly upstream: Upstream
  readonly targets: FaultTarget[]
  readonly clients: Clients
  /** Attempts by their outcome. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Targets that were ejected, and how often it came to that. */
  readonly ejected = new Set<string>()
  ejections = 0
  readonly #dir: string

  private constructor (app: FastifyInstance, url: string, targets: FaultTarget[], outcomes: Record<string, number>, clients: Clients, dir: string) {
    this.app = app
    this.url = url
    this.upstream = app.upstreams.get('shop')!
    this.targets = targets
    this.outcomes = outcomes
    this.clients = clients
    this.#dir = dir
    this.upstream.on('target:ejected', ({ target }) => {
      this.ejections++
      this.ejected.add(target)
    })
  }

  static async open ({ upstream = {}, connections, behaviour = {}, places = [{}, {}, {}], seed = 1, ledger = true }: StageOptions): Promise<Stage> {
    const dir = mkdtempSync(join(tmpdir(), 'faults-'))
    const targets = places.map((place, i) => new FaultTarget('abcdefgh'[i]!, { seed, ...(ledger && { dir }), ...place }))
    await Promise.all(targets.map(target => target.start()))
    await Promise.all(targets.map(target => target.behave(behaviour)))
    const app = Fastify({ forceCloseConnections: true })
    const outcomes: Record<string, number> = {}
    app.addHook('onResponse', async request => {
      for (const { outcome } of request.balancing?.attempts ?? []) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    })
    await app.register(loadBalancer, {
      drainMs: 1_000,
      upstreams: { shop: { ...upstream, targets: targets.map(({ id, url }) => ({ id, url })) } },
      routes: { '/': 'shop' }
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    return new Stage(app, url, targets, outcomes, new Clients(url, connections, ledger), dir)
  }

  /** Has something done with a stage, and clears it away, however that ends. */
  static async with<T> (options: StageOptions, run: (stage: Stage) => Promise<T>): Promise<T> {
    const stage = await Stage.open(options)
    try {
      return await run(stage)
    } finally {
      await stage.close()
    }
  }

  target (id: string): FaultTarget { return this.targets.find(target => target.id === id)! }

  inFlight (id?: string): number {
    return this.upstream.snapshot().targets.reduce((sum, target) => sum + (id === undefined || target.id === id ? target.inFlight : 0), 0)
  }

  /** Waits until nothing is in flight; returns what is, if that does not come. */
  async quiet (id?: string): Promise<number> {
    const deadline = performance.now() + 15_000
    while (this.inFlight(id) > 0 && performance.now() < deadline) await pause(10)
    return this.inFlight(id)
  }

  count (): Count {
    return count(this.clients.results, readLedgers(this.targets))
  }

  async close (): Promise<void> {
    await this.clients.close()
    await this.app.close()
    await Promise.all(this.targets.map(target => target.kill()))
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
