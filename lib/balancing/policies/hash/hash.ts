import { defaultsOf, fault, func, isObject, number, object, oneOf, optional, string, type Check } from '../../../options.js'
import type { Policy, PolicyTools } from '../../policy.js'
import type { Target } from '../../target.js'
import { Among } from '../among.js'
import type { NamedPolicy } from '../named-policy.js'
import { leastRequests } from '../least-requests.js'
import { BoundedLoad } from './bounded-load.js'
import { Ketama } from './ketama.js'
import { Maglev } from './maglev.js'
import type { Placement } from './placement.js'
import { Rendezvous } from './rendezvous.js'

/**
 * What of a request is hashed; `header`, `cookie` and `query` take a name. All but `'ip'` needs a request that came by a route: `upstream.pick()` is
 * given a `hashKey` instead.
 */
export type HashKey<Request = never> =
  | 'ip' | 'path' | 'url'
  | { header: string }
  | { cookie: string }
  | { query: string }
  | ((request: Request) => string | undefined)

/** Options of the policy `hash`. */
export interface HashOptions<Request = never, Fallback = never> {
  /**
   * - `rendezvous`: as even as chance, moves no key that need not move, looks at every target
   * - `ketama`: exactly where nginx's `hash … consistent` puts a key, as long as urls have hosts and ports written as there
   * - `maglev`: the most even, and costs the same for any number of targets; a few keys too many move when members change
   *
   * Choose by the number of targets: `rendezvous` up to about a hundred.
   * @default 'rendezvous'
   */
  method?: 'rendezvous' | 'ketama' | 'maglev'
  /**
   * What is hashed: the client's address, the path, path and query, a header, a cookie, a parameter of the query (as they are written, undecoded), or
   * what a function makes of the request. `reply.balance({ hashKey })` outranks it. Nothing, or an empty text, is no key.
   * @default 'ip'
   */
  key?: HashKey<Request>
  /** Policy for requests that have no key; not another `hash`. @default 'least-requests' */
  fallback?: Fallback
  /**
   * Requests in flight to a target at most, in relation to its share of all: 1.25 is a quarter more. Who has more is passed over for the next in the
   * key's order. Less than 1.25 sends many keys elsewhere. @default Infinity
   */
  maxLoadFactor?: number
}

export interface HashSettings {
  method: 'rendezvous' | 'ketama' | 'maglev'
  key: HashKey
  fallback: NamedPolicy
  maxLoadFactor: number
}

const keyOption: Check<HashKey> = (value, path, faults) => {
  if (value === 'ip' || value === 'path' || value === 'url') return value
  if (typeof value === 'function') return func<HashKey>()(value, path, faults)
  const kind = isObject(value) && Object.keys(value).length === 1 ? Object.keys(value)[0]! : ''
  if (kind === 'header' || kind === 'cookie' || kind === 'query') string((value as Record<string, unknown>)[kind], `${path}.${kind}`, faults)
  else fault(faults, path, "'ip', 'path', 'url', { header }, { cookie }, { query } or a function", value)
  return value as HashKey
}

/** `policy`: the check for a policy's name and options, for `fallback`. */
export function hashOptions (policy: Check<NamedPolicy>): Check<HashSettings> {
  const fallback: Check<NamedPolicy> = (value, path, faults) => {
    const chosen = policy(value, path, faults)
    if (chosen.name === 'hash' && typeof value !== 'function') faults.push(`${path}: expected a policy that needs no key, got hash`)
    return chosen
  }
  return object<HashSettings>({
    method: optional(oneOf('rendezvous', 'ketama', 'maglev'), 'rendezvous'),
    key: optional(keyOption, 'ip'),
    fallback: optional(fallback, { name: 'least-requests', create: leastRequests }),
    maxLoadFactor: optional(number(1), Infinity)
  })
}

const defaults = defaultsOf(hashOptions(() => ({ name: '', create: leastRequests })))

/**
 * The same key goes to the same target, on every gateway that has the same targets, for as long as that target is there. Slow start has no part in
 * it.
 */
export function hash (tools: PolicyTools, settings: HashSettings = defaults): Policy {
  const { key, maxLoadFactor } = settings
  const fallback = settings.fallback.create(tools)
  const nearest = new Rendezvous()
  const placement = placementOf(settings.method, nearest, tools)
  const among = new Among()
  const bound = maxLoadFactor === Infinity ? undefined : new BoundedLoad(maxLoadFactor)
  /** What the tables were made of, for telling slow start from a change. */
  let members: ReadonlyArray<{ target: Target, weight: number }> | undefined

  const admits = (target: Target): boolean => bound === undefined || bound.admits(target)
  const fits = (target: Target): boolean => among.has(target) && admits(target)

  return {
    pick (targets, context) {
      const text = context.hashKey ?? (key === 'ip' ? context.address : undefined)
      if (text === undefined || text === '') return fallback.pick(targets, context)
      bound?.set(targets)
      if (placement !== nearest) {
        among.set(targets)
        const found = placement.find(text, targets, fits)
        if (found !== undefined) return found
      }
      return nearest.find(text, targets, admits)!
    },

    update (all) {
      among.forget()
      bound?.update(all)
      nearest.update(all)
      if (members === undefined || members.length !== all.length || members.some(({ target, weight }, i) => target !== all[i] || weight !== target.weight)) {
        members = all.map(target => ({ target, weight: target.weight }))
        if (placement !== nearest) placement.update(all)
      }
      fallback.update?.(all)
    },

    loaded (target) {
      bound?.loaded(target)
      fallback.loaded?.(target)
    },

    ...(fallback.answered !== undefined && { answered: (target, answer) => { fallback.answered!(target, answer) } }),
    settle: (target, settlement) => { fallback.settle?.(target, settlement) },
    charge: target => { fallback.charge?.(target) }
  }
}

function placementOf (method: HashSettings['method'], nearest: Rendezvous, { later }: PolicyTools): Placement {
  switch (method) {
    case 'ketama': return new Ketama(later)
    case 'maglev': return new Maglev(later)
    case 'rendezvous': return nearest
  }
}
