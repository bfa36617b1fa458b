/**
 * Paths that a target may understand as another resource than the router did. The router of the gateway sees `/x/../admin`, `//admin`, `/;/admin` or
 * `/%2fadmin` as paths of their own, while most servers read `/admin` there. A hook that guards `/admin` would never run.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BadRequestError } from '../errors.js'
import { constraintsOf } from './constraints.js'
import { originForm } from './request-path.js'

/**
 * What happens to a path that servers understand in different ways.
 * - `strict`: answered 400.
 * - `normalize`: dot segments are resolved, slashes merged and `\` replaced before the router sees the path (RFC 3986 §6.2.2.3, nginx `merge_slashes`,
 *   Envoy `normalize_path`). What is still ambiguous is answered 400.
 * - `raw`: routed and passed on as it is.
 */
export type PathMode = 'strict' | 'normalize' | 'raw'

/** What only few paths have, and every ambiguous one. A query that has it costs a second look. */
const SUSPICIOUS = /[\\;]|\/[/.]|%(?:00|2[46bcef]|3[abd]|40|5c)/i

/**
 * Dots, and the characters that the router leaves encoded where it compares a path with that of a route, though most servers decode them: to them
 * `/%40me` is `/@me`. An encoded `%`, `?` or `#` stays: a server for which that is more than a letter decodes twice.
 */
const ENCODED = /%(?:2[46bcef]|3[abd]|40)/gi

/** Separators that some servers take for a slash, and the end of a text in C. No resource needs them. */
const FOREIGN = /\\|%5c|%00/i

/** Throws `FST_LB_BAD_REQUEST` when the path of the request could be understood as that of another route. */
export function refuseAmbiguousPath (request: FastifyRequest, mode: PathMode): void {
  const { url } = request.raw
  if (mode === 'raw' || !SUSPICIOUS.test(url!)) return
  const path = pathOf(originForm(url!, request.raw.headers.host))
  if (isForeign(path) || !keepsItsRoute(request, path)) throw new BadRequestError()
}

/** A path that code has made obeys the same rules, except that no route is involved. */
export function isAmbiguous (url: string, mode: PathMode): boolean {
  return mode !== 'raw' && SUSPICIOUS.test(url) && isForeign(pathOf(url))
}

function isForeign (path: string): boolean {
  return FOREIGN.test(path) || namesOf(path).some(name => name === '.' || name === '..')
}

/** The path as the most lenient server reads it: decoded slashes and dots, no parameters, no empty segments. */
function canonical (path: string): string {
  const names = namesOf(path)
  const joined = names.filter(name => name !== '').map(name => `/${name}`).join('')
  return joined === '' || names.at(-1) === '' ? `${joined}/` : joined
}

/** The segments of a path, decoded as far as it matters here and without path parameters (RFC 3986 §3.3), which servers of servlets take off first. */
function namesOf (path: string): string[] {
  return path.replace(ENCODED, encoded => decodeURIComponent(encoded)).split('/').map(segment => segment.split(';', 1)[0]!)
}

/** The router would take the request to the same route if it came with the canonical path. */
function keepsItsRoute (request: FastifyRequest, path: string): boolean {
  const plain = canonical(path)
  if (plain === path) return true
  const { method, server } = request
  // The router has seen no more than this, and the target sees all of it.
  if (endsAtSemicolon(server) && canonical(path.split(';', 1)[0]!) !== plain) return false
  const constraints = constraintsOf(request)
  if (constraints === undefined) return false
  const find = (url: string): Found => server.findRoute({ method, url, constraints } as never)
  const own = find(path)
  const other = find(plain)
  if (own === null || other === null) return request.is404 && own === other
  return leavesTheSame(own.params, other.params)
}

type Params = Record<string, string | undefined>
type Found = { params: Params } | null

/**
 * Routes cannot be told apart by what the router returns, but their parameters can: another route has other names, or leaves another rest to its
 * wildcard.
 */
function leavesTheSame (own: Params, other: Params): boolean {
  const names = Object.keys(own)
  return names.length === Object.keys(other).length && names.every(name => {
    const value = other[name]
    if (value === own[name] || value === undefined || name !== '*') return value === own[name]
    return canonical(`/${value}`) === canonical(`/${own['*']!}`)
  })
}

/** Fastify's router takes a `;` for the begin of the query. */
function endsAtSemicolon ({ initialConfig }: FastifyInstance): boolean {
  const { useSemicolonDelimiter, routerOptions } = initialConfig as { useSemicolonDelimiter?: boolean, routerOptions?: { useSemicolonDelimiter?: boolean } }
  return useSemicolonDelimiter === true || routerOptions?.useSemicolonDelimiter === true
}

/** Has the requests of a server normalised before anybody else sees them. */
export function normalizePaths (server: Server): void {
  const normalize = (request: IncomingMessage): void => {
    const url = normalized(request.url!)
    if (url === request.url) return
    // Fastify's own `rewriteUrl` leaves the same trace.
    ;(request as { originalUrl?: string }).originalUrl = request.url!
    request.url = url
  }
  server.prependListener('request', normalize).prependListener('upgrade', normalize)
}

/** Path and query with dot segments resolved, slashes merged and `\` replaced. A path that leads above the root stays as it is, and is refused later. */
export function normalized (url: string): string {
  if (!SUSPICIOUS.test(url) || url.charCodeAt(0) !== 0x2f) return url
  const path = pathOf(url)
  const resolved: string[] = []
  let open = true
  for (const segment of path.replaceAll('\\', '/').split('/').slice(1)) {
    const name = segment.replace(/%2e/gi, '.')
    open = name === '' || name === '.' || name === '..'
    if (name === '..' && resolved.pop() === undefined) return url
    if (!open) resolved.push(segment)
  }
  const joined = resolved.map(segment => `/${segment}`).join('')
  return (joined === '' || open ? `${joined}/` : joined) + url.slice(path.length)
}

function pathOf (url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
