/** The primary of a node:cluster, where its workers meet: it keeps what they put, and passes on what they say. */
import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { systemClock } from '../engine/clock.js'
import { integer, object, optional, checked, refuse } from '../options.js'
import { marked, unmarked, type Deed, type Reply, type Request } from './cluster-messages.js'

/** What the primary of a `node:cluster` keeps for its workers. */
export interface ClusterPrimaryOptions {
  /**
   * Learned sessions that are remembered for all upstreams of all workers; beyond that, the one that was told first is forgotten. @default 100_000
   */
  sessions?: number
}

const primaryOptions = object<Required<ClusterPrimaryOptions>>({ sessions: optional(integer(1), 100_000) })

/**
 * To be called in the primary, before or after workers are forked, so that those with `shared: cluster()` have a place to meet. A second call changes
 * nothing. Throws `FST_LB_INVALID_OPTIONS`, also when this is no primary.
 * @returns what ends it
 */
export function clusterPrimary (options: ClusterPrimaryOptions = {}): () => void {
  const { sessions } = checked(primaryOptions, options, '')
  /* c8 ignore next -- in a worker, where the test for it hears of it but its coverage does not */
  if (!cluster.isPrimary) refuse(['clusterPrimary(): expected to be called in the primary, got a worker'])
  running ??= serve(new Meeting(sessions))
  return running
}

let running: (() => void) | undefined

function serve (meeting: Meeting): () => void {
  const heard = (worker: Worker, message: unknown): void => {
    const request = unmarked<Request>(message)
    if (request !== undefined) meeting.do(worker, request)
  }
  const left = (worker: Worker): void => { meeting.leave(worker) }
  cluster.on('message', heard).on('disconnect', left).on('exit', left)
  return () => {
    cluster.off('message', heard).off('disconnect', left).off('exit', left)
    running = undefined
  }
}

/** Workers with the same options, and what they have changed since. */
interface Generation {
  readonly workers: Set<Worker>
  readonly values: Map<string, string>
}

interface Space {
  /** By name, in the order in which they began. */
  readonly generations: Map<string, Generation>
  readonly sessions: Map<string, { value: string, until: number }>
}

class Meeting {
  readonly #sessions: number
  readonly #spaces = new Map<string, Space>()
  readonly #secret = randomBytes(32).toString('base64url')

  constructor (sessions: number) {
    this.#sessions = sessions
  }

  do (worker: Worker, { space: name, generation: itsGeneration, number, deed, words }: Request): void {
    // A worker may be of another release.
    if (!Object.hasOwn(this.#deeds, deed)) return
    const space = entryOf(this.#spaces, name, () => ({ generations: new Map(), sessions: new Map() }))
    const generation = entryOf(space.generations, itsGeneration, () => ({ workers: new Set(), values: new Map() }))
    if (deed === 'close') generation.workers.delete(worker)
    else generation.workers.add(worker)
    forgetReplaced(space)
    const value = this.#deeds[deed]({ ...space, ...generation }, ...words as [string, string, string])
    send(worker, { space: name, answers: number, value })
    if (deed === 'publish') for (const other of generation.workers) if (other !== worker) send(other, { space: name, heard: words[0]! })
  }

  leave (worker: Worker): void {
    for (const space of this.#spaces.values()) {
      for (const { workers } of space.generations.values()) workers.delete(worker)
      forgetReplaced(space)
    }
  }

  readonly #deeds: Record<Deed, (place: Space & Generation, key: string, value: string, ttl: string) => unknown> = {
    open: () => {},
    close: () => {},
    publish: () => {},
    put: ({ values }, key, value) => { values.set(key, value) },
    drop: ({ values }, key) => { values.delete(key) },
    held: ({ values }) => Object.fromEntries(values),
    remember: ({ sessions }, key, value, ttl) => {
      sessions.delete(key)
      sessions.set(key, { value, until: systemClock.now() + Number(ttl) })
      if (sessions.size > this.#sessions) sessions.delete(sessions.keys().next().value!)
    },
    recall: ({ sessions }, key) => {
      const known = sessions.get(key)
      return known === undefined || known.until <= systemClock.now() ? null : known.value
    },
    secret: () => this.#secret
  }
}

/** Those without workers, when a later one has some. The latest stays: all of its workers may have died, and others may be on their way. */
function forgetReplaced ({ generations }: Space): void {
  let replaced = false
  for (const [name, { workers }] of [...generations].reverse()) {
    if (workers.size > 0) replaced = true
    else if (replaced) generations.delete(name)
  }
}

function entryOf<T> (map: Map<string, T>, key: string, make: () => T): T {
  let entry = map.get(key)
  if (entry === undefined) map.set(key, entry = make())
  return entry
}

/** A worker may end while it is being written to. */
function send (worker: Worker, reply: Reply): void {
  if (worker.isConnected()) worker.send(marked(reply), undefined, undefined, () => {})
}
