/**
 * What a target says of its own addresses, as its client knows them: `Location`, `Content-Location` and `Refresh` (nginx `proxy_redirect default`),
 * and on request the paths of cookies (nginx `proxy_cookie_path`). A target knows its own origin and the path it was asked for, the client those of
 * the gateway.
 */
import type { Headers } from '../engine/headers.js'

export interface Mapping {
  /** Origin of the target, as `http://10.0.0.1:3000`. */
  readonly origin: string
  /** What the paths of the target begin with, without a slash at its end. */
  readonly from: string
  /** What the client knows instead. */
  readonly to: string
  /** `Host` of the client: a target that is told of it may name it. */
  readonly host: string
}

/** The time that a redirect waits, and where it leads. */
const REFRESH = /^(\s*\d+\s*[;,]\s*url\s*=\s*["']?)(.*)/is

/** Scheme, authority and what follows. */
const REFERENCE = /^(?:([a-z][a-z\d+.-]*):)?(?:\/\/([^/?#]*))?(.*)/is

/** No address of a target is longer. The cost of understanding a host name of other letters than ASCII's grows with the square of its length. */
const LONGEST_AUTHORITY = 1_024

/** Changes `headers` where they name an address of the target. */
export function mapBack (headers: Headers, mappingOf: () => Mapping): void {
  const { location, 'content-location': contentLocation, refresh } = headers
  if (location === undefined && contentLocation === undefined && refresh === undefined) return
  const mapping = mappingOf()
  if (location !== undefined) headers.location = each(location, url => mapped(url, mapping))
  if (contentLocation !== undefined) headers['content-location'] = each(contentLocation, url => mapped(url, mapping))
  if (refresh !== undefined) headers.refresh = each(refresh, value => value.replace(REFRESH, (_all, start: string, url: string) => start + mapped(url, mapping)))
}

/** A target may send a field twice that has one value only: none of them may name an inner address. */
function each (value: string | string[], change: (one: string) => string): string | string[] {
  return Array.isArray(value) ? value.map(change) : change(value)
}

/** A url reference (RFC 3986 §4.1), byte for byte but for what is mapped. */
function mapped (reference: string, mapping: Mapping): string {
  const [, scheme, authority, rest] = REFERENCE.exec(reference)!
  if (authority === undefined) {
    const path = scheme === undefined ? mappedPath(rest!, mapping) : rest!
    return path === rest ? reference : withinThisHost(path)
  }
  const origin = `${scheme ?? mapping.origin.split(':', 1)[0]!}://${authority}`
  if (authority.length > LONGEST_AUTHORITY || !URL.canParse(origin)) return reference
  const path = mappedPath(rest!.startsWith('/') ? rest! : `/${rest!}`, mapping)
  // Inner addresses are nobody's business: a path will do.
  if (new URL(origin).origin === mapping.origin) return withinThisHost(path)
  return authority.toLowerCase() === mapping.host.toLowerCase() ? reference.slice(0, reference.length - rest!.length) + path : reference
}

/**
 * A path that begins with two slashes names another host once its origin is gone, and so does one with a backslash, or with a tab in between, which
 * browsers skip. With a dot segment ahead it is a path of this host, and the same path (RFC 3986 §4.2).
 */
function withinThisHost (path: string): string {
  return /^\/[\t\r\n]*[/\\]/.test(path) ? `/.${path}` : path
}

/** What is not below `from` stays, and so do relative paths. */
function mappedPath (path: string, { from, to }: Mapping): string {
  if (from === to || !path.startsWith('/') || !path.startsWith(from)) return path
  const rest = path.slice(from.length)
  return rest === '' || /^[/?#]/.test(rest) ? (to + rest).replace(/^(?!\/)/, '/') : path
}

/** Changes the paths of cookies (RFC 6265 §5.2.4). */
export function mapCookiePaths (headers: Headers, mapping: Mapping): void {
  const cookies = headers['set-cookie']
  if (cookies === undefined) return
  headers['set-cookie'] = [cookies].flat().map(cookie =>
    cookie.replace(/(;\s*path\s*=\s*)([^;]*)/gi, (_all, start: string, path: string) => start + mappedPath(path, mapping)))
}
