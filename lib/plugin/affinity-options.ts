import type { Duration } from '../duration.js'
import { boolean, fault, integer, isObject, milliseconds, object, oneOf, optional, seconds, text, TOKEN, type Check } from '../options.js'
import type { CookieAttributes, CookieAttributeSettings } from './affinity-cookie.js'
import type { LearnFrom, SessionPlace } from './affinity-session.js'

/** A cookie that the gateway issues, or a session id of the application's own that it learns. */
export type AffinityOptions = CookieAffinityOptions | SessionAffinityOptions

/** Affinity by a cookie that the gateway issues. */
export interface CookieAffinityOptions {
  /** The cookie; `true` or `{}` takes the defaults. */
  cookie: AffinityCookieOptions | true
  /** When the client's target is not available: `redistribute` gives it another, `fail` answers 503. @default 'redistribute' */
  onUnavailable?: 'redistribute' | 'fail'
}

/** The cookie that the gateway issues. `maxIdle` and `maxLife` are milliseconds, the attribute `maxAge` is in seconds. */
export interface AffinityCookieOptions extends CookieAttributes {
  /** Its name. @default `lb_` and the upstream's name */
  name?: string
  /**
   * Key of the HMAC that makes the values unforgeable, 16 characters or more; the same on all gateways. In an array, the first is used for
   * new cookies and all are accepted: put a new one in front to rotate. Without one, a random secret a process: clients lose their target at every
   * restart, and two processes do not agree.
   * @default random
   */
  secret?: string | string[] | undefined
  /** Milliseconds without a request after which the client belongs to nobody; kept by the gateway, whatever the browser does. @default 0, no limit */
  maxIdle?: Duration
  /** Milliseconds after which the client belongs to nobody; kept by the gateway. @default 0, no limit */
  maxLife?: Duration
}

/** Affinity by a session id of the application's own, which the gateway learns (nginx `sticky learn`). */
export interface SessionAffinityOptions {
  /** Where the application keeps its session id. */
  session: SessionPlace
  /** Milliseconds without a request after which a session is forgotten. @default 600_000 */
  ttl?: Duration
  /**
   * Sessions remembered. Beyond that, the gateway forgets the least recently used: of those that it has only seen in requests while they are more than an
   * eighth, else of those that targets have issued. @default 100_000
   */
  max?: number
  /**
   * What sessions are learned from. `all`: responses and requests, for applications whose clients bring ids of their own. `responses`: only ids that a
   * target has issued count (nginx `sticky learn`), so that clients cannot make the gateway remember anything. @default 'all'
   */
  learn?: LearnFrom
  /** When the session's target is not available: `redistribute` gives it another, `fail` answers 503. @default 'redistribute' */
  onUnavailable?: 'redistribute' | 'fail'
}

export interface CookieAffinitySettings {
  cookie: { name: string | undefined, secret: string[] | undefined, maxIdle: number, maxLife: number } & CookieAttributeSettings
  onUnavailable: 'redistribute' | 'fail'
}

export interface SessionAffinitySettings {
  session: SessionPlace
  ttl: number
  max: number
  learn: LearnFrom
  onUnavailable: 'redistribute' | 'fail'
}

export type AffinitySettings = CookieAffinitySettings | SessionAffinitySettings

const SHORTEST_SECRET = 16

const secretOption: Check<string[]> = (value, path, faults) => {
  const secrets = Array.isArray(value) ? value : [value]
  if (secrets.length === 0 || !secrets.every(secret => typeof secret === 'string' && secret.length >= SHORTEST_SECRET)) {
    // Not `fault`: what was got may be a secret.
    faults.push(`${path}: expected ${SHORTEST_SECRET} characters or more, or an array of such strings, got something else`)
  }
  return secrets as string[]
}

/** A cookie's or a header's name. */
const token = text(TOKEN, 'a name of letters, digits and !#$%&\'*+.^`|~-_')

/** What may stand in a `Set-Cookie` field: anything else could add attributes, or break the response. */
const domain = text(/^\.?[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*$/i, 'a domain')

const cookiePath = text(/^\/[\x20-\x3a\x3d-\x7e]*$/, "a path, as '/'")

const onUnavailable = optional(oneOf('redistribute', 'fail'), 'redistribute')

const cookieAffinity = object<CookieAffinitySettings>({
  onUnavailable,
  cookie: object<CookieAffinitySettings['cookie']>({
    name: optional(token),
    secret: optional(secretOption),
    maxIdle: optional(milliseconds(0, 10_000), 0),
    maxLife: optional(milliseconds(0, 10_000), 0),
    domain: optional(domain),
    path: optional(cookiePath),
    maxAge: optional(seconds),
    sameSite: optional(oneOf<boolean | 'lax' | 'strict' | 'none'>(true, false, 'lax', 'strict', 'none')),
    secure: optional(oneOf<boolean | 'auto'>(true, false, 'auto')),
    httpOnly: optional(boolean),
    partitioned: optional(boolean),
    priority: optional(oneOf('low', 'medium', 'high'))
  } as never)
})

const sessionPlace: Check<SessionPlace> = (value, path, faults) => {
  const kind = isObject(value) && Object.keys(value).length === 1 ? Object.keys(value)[0] : undefined
  if (kind !== 'cookie' && kind !== 'header') fault(faults, path, '{ cookie } or { header }', value)
  else token((value as Record<string, unknown>)[kind], `${path}.${kind}`, faults)
  return value as SessionPlace
}

const sessionAffinity = object<SessionAffinitySettings>({
  onUnavailable,
  session: sessionPlace,
  ttl: optional(milliseconds(1, 10_000), 600_000),
  max: optional(integer(1), 100_000),
  learn: optional(oneOf<LearnFrom>('all', 'responses'), 'all')
})

export const affinityOption: Check<AffinitySettings> = (value, path, faults) => {
  if (isObject(value) && 'session' in value) return sessionAffinity(value, path, faults)
  if (isObject(value) && 'cookie' in value) return cookieAffinity(value.cookie === true ? { ...value, cookie: {} } : value, path, faults)
  fault(faults, path, '{ cookie } or { session }', value)
  return undefined as never
}
