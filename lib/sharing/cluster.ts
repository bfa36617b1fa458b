/** Workers of one node:cluster that share through their primary. */
import nodeCluster from 'node:cluster'
import { checked, object, optional, string } from '../options.js'
import { marked, unmarked, type Deed, type Reply } from './cluster-messages.js'
import { sharingFields } from './options.js'
import type { SharedOptions, SharedStore, StoreListener } from './store.js'

/** How the workers of a `node:cluster` share. */
export interface ClusterSharingOptions {
  /** Workers share with those that have the same; of use where one application has several sets of upstreams. @default 'fastify-lb' */
  prefix?: string
  /** Who probes a target: `each` worker for itself, or `one` of them for all. @default 'each' */
  probes?: 'each' | 'one'
  /**
   * Which options a worker was started with: any text, of use where workers with other options take the place of those before. What was changed at
   * run time reaches workers of the same generation only; the secret and learned sessions are everybody's. Once a generation has no workers and a
   * later one has, its changes are forgotten. @default '1'
   */
  generation?: string
}

const clusterOptions = object<Required<ClusterSharingOptions>>({
  ...sharingFields,
  generation: optional(string, '1')
})

/**
 * For the option `shared`, in workers: what is changed at run time, and learned sessions, reach every worker; cookies without a secret of their own
 * get a common one. The primary has to call `clusterPrimary()`. In a process that is no worker, nothing is shared. Throws `FST_LB_INVALID_OPTIONS`.
 */
export function cluster (options: ClusterSharingOptions = {}): SharedOptions {
  const { prefix, probes, generation } = checked(clusterOptions, options, 'shared: cluster(options)')
  return { store: nodeCluster.isWorker ? new ClusterStore(prefix, generation) : alone, probes }
}

/** Milliseconds that the primary has for an answer. */
const PATIENCE = 800

/** Requests to the primary so far. All stores of a process hear every reply, so a number must belong to one request of one store only. */
let asked = 0

class ClusterStore implements SharedStore {
  readonly #space: string
  readonly #generation: string
  readonly #answers = new Map<number, (value: unknown) => void>()
  #listener: StoreListener | undefined

  constructor (space: string, generation: string) {
    this.#space = space
    this.#generation = generation
  }

  open (listener: StoreListener): void {
    this.#listener = listener
    process.on('message', this.#hear)
    // What was said before the primary knew of this worker is looked up.
    this.#ask('open').then(() => { listener.missed() }, ignored)
  }

  async publish (message: string): Promise<void> { await this.#ask('publish', message) }
  async put (key: string, value: string): Promise<void> { await this.#ask('put', key, value) }
  async drop (key: string): Promise<void> { await this.#ask('drop', key) }
  async held (): Promise<Record<string, string>> { return await this.#ask('held') as Record<string, string> }
  async remember (key: string, value: string, ttl: number): Promise<void> { await this.#ask('remember', key, value, String(ttl)) }
  async recall (key: string): Promise<string | null> { return await this.#ask('recall', key) as string | null }
  async secret (): Promise<string> { return await this.#ask('secret') as string }

  close (): void {
    process.off('message', this.#hear)
    this.#ask('close').catch(ignored)
  }

  readonly #hear = (message: unknown): void => {
    const reply = unmarked<Reply>(message)
    if (reply?.space !== this.#space) return
    if ('heard' in reply) {
      this.#listener!.heard(reply.heard)
      return
    }
    this.#answers.get(reply.answers)?.(reply.value)
  }

  #ask (deed: Deed, ...words: string[]): Promise<unknown> {
    const number = asked++
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(reject, PATIENCE, new Error('no answer from the primary: it has to call clusterPrimary()')).unref()
      this.#answers.set(number, value => {
        clearTimeout(timer)
        resolve(value)
      })
      const message = marked({ space: this.#space, generation: this.#generation, number, deed, words })
      process.send!(message, undefined, undefined, (error: Error | null) => {
        /* c8 ignore next -- the primary has ended, and so does this worker in a moment */
        if (error !== null) reject(error)
      })
    }).finally(() => { this.#answers.delete(number) })
  }
}

const nothing = async (): Promise<void> => {}

/** Nobody to share with. */
const alone: SharedStore = {
  open () {},
  publish: nothing,
  put: nothing,
  drop: nothing,
  held: async () => ({}),
  remember: nothing,
  recall: async () => null,
  close () {}
}

function ignored (): void {}
