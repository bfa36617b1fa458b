/**
 * The issued cookie: its value is a token for a target, opaque and unforgeable, the same on every gateway that has the secret. Tokens are
 * worked out once, so a request costs a look in a map. With `maxIdle` or `maxLife` the value carries times and a MAC of its own, and then there is
 * crypto per request.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Duration, Settled } from '../duration.js'
import type { Target } from '../balancing/target.js'
import type { Headers } from '../engine/headers.js'
import type { Upstream } from '../engine/upstream.js'
import { stranger, type Affinity, type Visitor } from './affinity.js'
import { findCookie } from './cookies.js'

/** 22 characters of base64url are 132 bits. */
const TOKEN_LENGTH = 22
/** No value of ours is longer; what is, is not looked at. */
const LONGEST_VALUE = 200

/** Attributes of the cookie, by the names that `@fastify/cookie` has for them. `maxAge` is in seconds. */
export interface CookieAttributes {
  /** Whose hosts get it, too. @default none: the host that was asked */
  domain?: string
  /** Below which paths. @default '/' */
  path?: string
  /** Seconds (or text: `'7d'`) after which the browser forgets the cookie. @default none: with the browser's session */
  maxAge?: Duration
  /** Whether requests from other sites have it. @default 'lax' */
  sameSite?: boolean | 'lax' | 'strict' | 'none'
  /** Over https only; `auto`: when the client's protocol is https. @default 'auto' */
  secure?: boolean | 'auto'
  /** Scripts of the page do not see it. @default true */
  httpOnly?: boolean
  /** One for each site that embeds this one (CHIPS). @default false */
  partitioned?: boolean
  /** Which ones a browser forgets first. @default 'medium', to browsers that know it */
  priority?: 'low' | 'medium' | 'high'
}

/** Attributes with `maxAge` in seconds. */
export type CookieAttributeSettings = Partial<Settled<CookieAttributes>>

/** Attributes as they are written: by then, `secure` is decided. */
export type WrittenAttributes = Omit<CookieAttributeSettings, 'secure'> & { secure: boolean }

export type SerializeCookie = (name: string, value: string, attributes: WrittenAttributes) => string

export interface AffinityCookieSettings {
  name: string
  /** The first is used for new cookies, all are accepted. */
  secrets: string[]
  /** Milliseconds; 0 for no limit. */
  maxIdle: number
  /** Milliseconds; 0 for no limit. */
  maxLife: number
  attributes: CookieAttributeSettings
  required: boolean
}

interface Token { target: string, secret: string }

interface Holder extends Visitor {
  /** Milliseconds since the epoch, with `maxIdle` or `maxLife`. */
  readonly issued: number
  /** The cookie should be sent again though the target is the same: old secret, or seen long ago. */
  readonly stale: boolean
}

export class AffinityCookie implements Affinity {
  readonly name: string
  readonly required: boolean
  readonly #settings: AffinityCookieSettings
  readonly #upstream: Upstream
  readonly #serialize: SerializeCookie
  readonly #timed: boolean
  readonly #tokens = new Map<string, Token>()
  /** A target's tokens, by its id: one for each secret, in their order. */
  readonly #tokensOf = new Map<string, readonly string[]>()
  /** Targets whose tokens are not worked out yet: a thousand may come at once, and that is not the moment. */
  readonly #unlearned = new Set<string>()
  /** Cookies without times are the same for everybody. */
  readonly #written = new Map<string, string>()

  constructor (upstream: Upstream, settings: AffinityCookieSettings, serialize: SerializeCookie) {
    this.name = settings.name
    this.required = settings.required
    this.#settings = settings
    this.#upstream = upstream
    this.#serialize = serialize
    this.#timed = settings.maxIdle > 0 || settings.maxLife > 0
    for (const id of upstream.targets.keys()) this.#unlearned.add(id)
    upstream.on('target:added', ({ target }) => { this.#unlearned.add(target) })
    upstream.on('target:removed', ({ target }) => { this.#forget(target) })
  }

  read (request: FastifyRequest): Visitor {
    let visitor = stranger
    // Browsers keep cookies of one name for each path and domain. One from before those were changed must not stand before what is sent now.
    findCookie(request.raw.headers.cookie, this.name, value => {
      visitor = this.#visitorOf(value)
      return visitor !== stranger
    })
    return visitor
  }

  #visitorOf (value: string): Visitor {
    if (value.length > LONGEST_VALUE) return stranger
    return this.#timed ? this.#readTimed(value) : this.#known(this.#find(value), 0, false)
  }

  served (visitor: Visitor, target: Target, headers: Headers, request: FastifyRequest): void {
    const same = visitor.target === target.id
    if (same && !(visitor as Holder).stale) return
    const secure = this.#settings.attributes.secure ?? 'auto'
    const cookie = this.#write(target.id, same ? (visitor as Holder).issued : undefined, secure === 'auto' ? request.protocol === 'https' : secure)
    if (cookie === undefined) return
    const others = headers['set-cookie']
    headers['set-cookie'] = others === undefined ? cookie : Array.isArray(others) ? [...others, cookie] : [others, cookie]
    headers['cache-control'] = asPrivate(headers['cache-control'])
  }

  // ---- tokens -----------------------------------------------------------------------------------------------------------

  #find (value: string): Token | undefined {
    const token = this.#tokens.get(value)
    if (token !== undefined || this.#unlearned.size === 0) return token
    for (const target of this.#unlearned) this.#learn(target)
    return this.#tokens.get(value)
  }

  #learn (target: string): void {
    this.#unlearned.delete(target)
    const { secrets } = this.#settings
    const tokens = secrets.map(secret => this.#tokenOf(secret, target))
    tokens.forEach((value, i) => { this.#tokens.set(value, { target, secret: secrets[i]! }) })
    this.#tokensOf.set(target, tokens)
  }

  #forget (target: string): void {
    this.#unlearned.delete(target)
    for (const value of this.#tokensOf.get(target) ?? []) {
      this.#tokens.delete(value)
      this.#written.delete(value)
      this.#written.delete(secureKey(value))
    }
    this.#tokensOf.delete(target)
  }

  #tokenOf (secret: string, target: string): string {
    return mac(secret, `${this.#upstream.name}\0${target}`)
  }

  #known (token: Token | undefined, issued: number, seenLongAgo: boolean): Visitor {
    if (token === undefined) return stranger
    const holder: Holder = { target: token.target, issued, stale: seenLongAgo || token.secret !== this.#settings.secrets[0] }
    return holder
  }

  /** `token.issued.seen.mac`; times are milliseconds since the epoch in base 36, the mac is over what is before it. */
  #readTimed (value: string): Visitor {
    const end = value.lastIndexOf('.')
    const [tokenValue = '', issuedText = '', seenText = ''] = value.slice(0, Math.max(end, 0)).split('.')
    const token = this.#find(tokenValue)
    if (token === undefined || !sameText(value.slice(end + 1), this.#macOf(token.secret, value.slice(0, end)))) return stranger
    const { maxIdle, maxLife } = this.#settings
    const now = this.#upstream.clock.now()
    const issued = parseInt(issuedText, 36)
    const idle = now - parseInt(seenText, 36)
    if (maxLife > 0 && now - issued > maxLife) return stranger
    if (maxIdle > 0 && idle > maxIdle) return stranger
    return this.#known(token, issued, maxIdle > 0 && idle > maxIdle / 2)
  }

  // ---- cookies ----------------------------------------------------------------------------------------------------------

  #write (target: string, issued: number | undefined, secure: boolean): string | undefined {
    if (this.#unlearned.has(target)) this.#learn(target)
    const token = this.#tokensOf.get(target)?.[0]
    if (token === undefined) return undefined // removed while it served
    if (this.#timed) return this.#serialized(this.#timedValue(token, issued), secure)
    const key = secure ? secureKey(token) : token
    let cookie = this.#written.get(key)
    if (cookie === undefined) this.#written.set(key, cookie = this.#serialized(token, secure))
    return cookie
  }

  #timedValue (token: string, issued: number | undefined): string {
    const now = this.#upstream.clock.now()
    const value = [token, written(issued ?? now), written(now)].join('.')
    return `${value}.${this.#macOf(this.#settings.secrets[0]!, value)}`
  }

  #macOf (secret: string, value: string): string {
    return mac(secret, `${this.#upstream.name}\0${value}`)
  }

  #serialized (value: string, secure: boolean): string {
    return this.#serialize(this.name, value, { path: '/', httpOnly: true, sameSite: 'lax', ...this.#settings.attributes, secure })
  }
}

function mac (secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url').slice(0, TOKEN_LENGTH)
}

function secureKey (token: string): string {
  return `s${token}`
}

function written (ms: number): string {
  return Math.floor(ms).toString(36)
}

/** `got` may be anything: a header's text is longer in bytes than in characters where it is not ASCII. */
function sameText (got: string, expected: string): boolean {
  const bytes = Buffer.from(got)
  return bytes.length === expected.length && timingSafeEqual(bytes, Buffer.from(expected))
}

/** A response that tells one client where it belongs must not be given to others from a cache. */
export function asPrivate (cacheControl: string | string[] | undefined): string {
  const directives = String(cacheControl ?? '').split(',').map(directive => directive.trim()).filter(directive => directive !== '')
  const named = (name: string): boolean => directives.some(directive => directive.toLowerCase() === name)
  if (named('private') || named('no-store')) return directives.join(', ')
  return ['private', ...directives.filter(directive => directive.toLowerCase() !== 'public')].join(', ')
}
