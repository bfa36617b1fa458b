/** The path that a target is asked for. */
import { BadRequestError } from '../errors.js'

/** What a route says about paths. */
export interface PathRules {
  /** The path that all requests of the route begin with, without a slash at its end: what a request may not climb out of. */
  readonly prefix: string
  /** Put in place of `prefix`; undefined leaves it. */
  readonly rewritePrefix: string | undefined
}

/**
 * Path and query of a request target (RFC 9112 §3.2). The absolute form is the same as the usual one when it names this server; otherwise throws
 * `FST_LB_BAD_REQUEST`, since a gateway is no proxy for everybody. So it does where router and target could see another path each: with a fragment,
 * which has no place here, and with a slash in a query right behind the authority, where some routers see the path begin.
 */
export function originForm (url: string, host: string | undefined): string {
  if (url.includes('#')) throw new BadRequestError()
  if (url.charCodeAt(0) === 0x2f) return url
  const [, authority, path] = /^https?:\/\/([^/?]*)(|\/.*|\?[^/]*)$/i.exec(url) ?? []
  if (authority === undefined || authority.toLowerCase() !== host?.toLowerCase()) throw new BadRequestError()
  return path!.startsWith('/') ? path! : `/${path!}`
}

/**
 * Path and query for the target, byte for byte as the client sent them but for the prefix. Throws `FST_LB_BAD_REQUEST` for a path that climbs out of
 * its prefix.
 */
export function targetPath (url: string, { prefix, rewritePrefix }: PathRules): string {
  if (climbs(url, prefix)) throw new BadRequestError()
  if (rewritePrefix === undefined) return url
  const rest = url.slice(writtenLength(url, prefix))
  const path = withoutSlash(rewritePrefix) + rest
  return path.startsWith('/') ? path : `/${path}`
}

/**
 * What the client has written for the prefix: it may have parameters, and letters that a header field cannot have. Never more than a path, also where
 * it is put into a redirect or a cookie: `//` and `/\` would begin with a host, and behind a `;` come attributes.
 */
export function prefixIn (url: string, prefix: string): string {
  return segments(url.slice(0, writtenLength(url, prefix))).map(segment => `/${segment.replace(/[\\;]/g, encodeURIComponent)}`).join('')
}

/** All that a request target may consist of (RFC 9112 §3.2.1), and what clients send besides. */
const TARGET = /^\/[\x21\x22\x24-\x7e]*$/

/**
 * `path` of the caller's own, with the client's query where it has none. Throws `FST_LB_BAD_REQUEST`, with the reason in `cause`, where it is no path:
 * a handler may have made it of something that the client has sent.
 */
export function ownPath (path: string, url: string): string {
  if (!TARGET.test(path)) throw refusedPath(path, "expected '/' and then characters of a URL, without '#'")
  if (climbs(path, '')) throw refusedPath(path, 'it leads above the base path of the target')
  const query = url.indexOf('?')
  return query === -1 || path.includes('?') ? path : path + url.slice(query)
}

/** What is wrong with a path of the caller's own is for the log, not for the client. */
export function refusedPath (path: string, reason: string): Error {
  return new BadRequestError({ cause: new TypeError(`balance.path: ${reason}, got ${JSON.stringify(path)}`) })
}

/**
 * Whether any `..` in the path leads above `prefix`, however dots and slashes are written: the target may well read them as such. Servers of servlets
 * take off what is behind a `;` first, and then read `..;x` as `..`.
 */
function climbs (url: string, prefix: string): boolean {
  if (!/\.\.|%2e/i.test(url)) return false
  const query = url.indexOf('?')
  const path = (query === -1 ? url : url.slice(0, query)).replace(/%2e/gi, '.').replace(/%2f|%5c|\\/gi, '/')
  const floor = segments(prefix).length
  let depth = 0
  for (const segment of segments(path)) {
    const name = segment.split(/;|%3b/i, 1)[0]
    if (name === '..') depth--
    else if (name !== '.' && name !== '') depth++
    // What is above the prefix must be the prefix itself, which it is until something climbs above it.
    if (name === '..' && depth < floor) return true
  }
  return false
}

export function withoutSlash (path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function segments (path: string): string[] {
  return path.split('/').filter(segment => segment !== '')
}

/** The router decodes and may fold slashes, so the prefix can be longer in the url than it is: as many segments are skipped. */
function writtenLength (url: string, prefix: string): number {
  if (url.startsWith(prefix)) return prefix.length
  const pattern = new RegExp(`^(?:/+[^/?]+){0,${segments(prefix).length}}`)
  return pattern.exec(url)![0].length
}
