import type { FastifyRequest } from 'fastify'
import type { Headers } from '../engine/headers.js'
import { boolean, func, isObject, object, oneOf, optional } from '../options.js'

/** Header fields of what is proxied, both ways. */
export interface HeaderOptions {
  /** The `Host` that targets see: their own, or the client's. @default 'target' */
  host?: 'target' | 'preserve'
  /**
   * How targets are told of the client: `x` as `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and, where `rewritePrefix` takes one off, `-Prefix`;
   * `rfc7239` as `Forwarded`; `false` not at all, and then what the client says of that passes. Otherwise that counts only when Fastify's
   * `trustProxy` trusts the peer. @default 'x'
   */
  forwarded?: 'x' | 'rfc7239' | false
  /** Add the gateway to `Via`. @default true */
  via?: boolean
  /** Send Fastify's `request.id` as `X-Request-Id` where the client has sent none. @default true */
  requestId?: boolean
  /**
   * Map `Location`, `Content-Location` and `Refresh` that name the target's origin or path back to what the client knows (nginx `proxy_redirect`).
   * @default true
   */
  location?: boolean
  /** Map the paths of cookies back, too (nginx `proxy_cookie_path`). @default false */
  cookiePath?: boolean
  /**
   * Headers of the client with an underscore in their name. `drop` removes them, as nginx does: many targets read `X_User` as `X-User`, so that a
   * client could pass a header that you replace. With `pass` they reach the target. Those that hooks set are always kept. @default 'drop'
   */
  underscores?: 'drop' | 'pass'
  /** Returns the header fields that the target gets; `headers` are those it would get, and may be changed. Names are in lower case. @default none */
  request?: (request: FastifyRequest, headers: Headers) => Headers
  /** Returns the header fields that the client gets; `headers` are those it would get, and may be changed. Names are in lower case. @default none */
  response?: (request: FastifyRequest, headers: Headers) => Headers
}

type HeaderHook = NonNullable<HeaderOptions['request']>

export interface HeaderSettings {
  host: 'target' | 'preserve'
  forwarded: 'x' | 'rfc7239' | false
  via: boolean
  requestId: boolean
  location: boolean
  cookiePath: boolean
  underscores: 'drop' | 'pass'
  request: HeaderHook | undefined
  response: HeaderHook | undefined
}

export const headerOptions = object<HeaderSettings>({
  host: optional(oneOf('target', 'preserve'), 'target'),
  forwarded: optional(oneOf<'x' | 'rfc7239' | false>('x', 'rfc7239', false), 'x'),
  via: optional(boolean, true),
  requestId: optional(boolean, true),
  location: optional(boolean, true),
  cookiePath: optional(boolean, false),
  underscores: optional(oneOf('drop', 'pass'), 'drop'),
  request: optional(func<HeaderHook>()),
  response: optional(func<HeaderHook>())
})

/** What a hook of the user's own has returned: it may be anything, as nothing where it has only changed what it was given. */
export function fieldsOf (hook: 'request' | 'response', returned: unknown): Headers {
  if (isObject(returned) && typeof returned.then !== 'function') return returned as Headers
  throw new TypeError(`headers.${hook}: expected a function that returns header fields, not a promise of them, and it has returned something else`)
}
