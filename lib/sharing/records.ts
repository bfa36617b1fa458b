/**
 * What has been changed at run time, by whomever: registers of which the last writer's stays, one for each thing that can be said of a target.
 * Merging is commutative, associative and idempotent, so gateways that have heard the same hold the same, in whatever order it came.
 */
import { parseJson } from '../bounded-json.js'
import { isObject } from '../options.js'
import { isVersion, timeOf } from './version.js'

/** `target`: it was added, with its options, or removed. `order`: the ids of an upstream, as they were put in order. */
export type What = 'target' | 'state' | 'weight' | 'tier' | 'tags' | 'order'

/** What is said of a target that is there. A target that is added, or removed, later than that has begun anew. */
export const FIELDS = ['state', 'weight', 'tier', 'tags'] as const

const KEY = /^([\w.-]+)\/(target|state|weight|tier|tags|order)\/(.*)$/s

export interface Subject {
  readonly upstream: string
  readonly what: What
  /** Of the target; empty for `order`. */
  readonly id: string
}

export interface Entry extends Subject {
  /** Of the register: `shop/weight/http://10.0.0.1:3000`. */
  readonly key: string
  readonly version: string
  readonly value: unknown
}

/** A target that was removed, and how long it had to end what was in flight. */
export interface Removal { readonly drainMs: number }

export function entry (subject: Subject, version: string, value: unknown): Entry {
  return { ...subject, key: keyOf(subject), version, value }
}

/** The version and the value, for the store. */
export function written ({ version, value }: Entry): string {
  return JSON.stringify({ version, value })
}

/** What a store has under this key; undefined for what is none of ours. `unreadable` is told of what is too long, or nests too deep. */
export function read (key: string, text: string, unreadable?: (error: unknown) => void): Entry | undefined {
  const [, upstream, what, id] = KEY.exec(key) ?? []
  const parsed = parse(text, unreadable)
  if (id === undefined || !isVersion(parsed?.version)) return undefined
  return { upstream: upstream!, what: what as What, id, key, version: parsed.version, value: parsed.value }
}

/** An object as JSON; undefined for anything else. */
export function parse (text: string, unreadable?: (error: unknown) => void, maxLength?: number): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text, maxLength)
    return isObject(value) ? value : undefined
  } catch (error) {
    if (!(error instanceof SyntaxError)) unreadable?.(error)
    return undefined
  }
}

function keyOf ({ upstream, what, id }: Subject): string {
  return `${upstream}/${what}/${id}`
}

export function isRemoval ({ what, value }: Entry): boolean {
  return what === 'target' && isObject(value) && !('url' in value)
}

export class Records {
  readonly #entries = new Map<string, Entry>()

  get (subject: Subject): Entry | undefined {
    return this.#entries.get(keyOf(subject))
  }

  held (key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  [Symbol.iterator] (): Iterator<Entry> {
    return this.#entries.values()
  }

  /** Takes it in, unless something later is held. Returns whether it is news. */
  merge (entry: Entry): boolean {
    const { upstream, what, id, version } = entry
    const held = this.#entries.get(entry.key)
    if (held !== undefined && held.version >= version) return false
    const target = what === 'order' ? undefined : this.get({ upstream, what: 'target', id })
    if (target !== undefined && target.version > version) return false
    this.#entries.set(entry.key, entry)
    if (what === 'target') this.#beginAnew(entry)
    return true
  }

  #beginAnew ({ upstream, id, version }: Entry): void {
    for (const what of FIELDS) {
      const said = this.get({ upstream, what, id })
      if (said !== undefined && said.version < version) this.#entries.delete(said.key)
    }
  }

  /** Forgets removals from before this time of day. */
  forget (before: number): void {
    for (const [key, entry] of this.#entries) if (isOld(entry, before)) this.#entries.delete(key)
  }
}

export function isOld (entry: Entry, before: number): boolean {
  return isRemoval(entry) && timeOf(entry.version) < before
}
