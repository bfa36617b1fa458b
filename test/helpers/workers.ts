/** Workers of node:cluster, whose primary is the test. */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AffinityOptions, ClusterSharingOptions, SharedSnapshot, TargetUpdateOptions } from '../../lib/index.js'
import type { Ending } from './servers.js'
import { until } from './wait.js'

export class TestWorker {
  readonly worker: Worker
  readonly #ready: Promise<void>
  readonly #answers = new Map<number, (value: unknown) => void>()
  #asked = 0

  static async start (t: Ending, targets: object[], sharing: ClusterSharingOptions = {}, affinity: AffinityOptions = { cookie: {} }): Promise<TestWorker> {
    cluster.setupPrimary({ exec: fileURLToPath(new URL(`./sharing-worker${extname(import.meta.url)}`, import.meta.url)), execArgv: process.execArgv })
    const worker = cluster.fork({ TARGETS: JSON.stringify(targets), SHARING: JSON.stringify(sharing), AFFINITY: JSON.stringify(affinity) })
    const started = new TestWorker(worker)
    t.teardown(() => started.end())
    await started.#ready
    return started
  }

  private constructor (worker: Worker) {
    this.worker = worker
    this.#ready = new Promise(resolve => {
      worker.on('message', (message: 'ready' | { number?: number, value: unknown }) => {
        if (message === 'ready') resolve()
        else if (message.number !== undefined) this.#answers.get(message.number)?.(message.value)
      })
    })
  }

  state (): Promise<string> { return this.#ask('state') as Promise<string> }
  url (): Promise<string> { return this.#ask('url') as Promise<string> }
  shared (): Promise<SharedSnapshot> { return this.#ask('shared') as Promise<SharedSnapshot> }
  warnings (): Promise<string[]> { return this.#ask('warnings') as Promise<string[]> }
  /** What is held after two things were put in a store of its own, and one was dropped. */
  store (): Promise<unknown> { return this.#ask('store') }
  /** What two stores of the same prefix receive that ask at the same time. */
  twoStores (): Promise<unknown> { return this.#ask('twoStores') }
  /** The cookies that two gateways set for clients of each other. */
  twoScopes (): Promise<unknown> { return this.#ask('twoScopes') }
  /** What `clusterPrimary()` says in a worker. */
  primary (): Promise<string> { return this.#ask('primary') as Promise<string> }
  async update (id: string, options: TargetUpdateOptions): Promise<void> { await this.#ask('update', id, options) }

  async end (): Promise<void> {
    if (this.worker.isDead()) return
    const exit = once(this.worker, 'exit')
    await this.#ask('end')
    await exit
  }

  async kill (): Promise<void> {
    const exit = once(this.worker, 'exit')
    this.worker.process.kill('SIGKILL')
    await exit
  }

  #ask (act: string, ...words: unknown[]): Promise<unknown> {
    const number = this.#asked++
    return new Promise(resolve => {
      this.#answers.set(number, resolve)
      this.worker.send({ number, act, words })
    })
  }
}

/** Waits until all have these targets. */
export async function workersHave (workers: TestWorker[], state: string): Promise<void> {
  let states: string[] = []
  let asking = false
  await until(() => {
    if (!asking) {
      asking = true
      void Promise.all(workers.map(worker => worker.state())).then(all => {
        states = all
        asking = false
      })
    }
    return states.length > 0 && states.every(one => one === state)
  }, state)
}
