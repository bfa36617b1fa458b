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

/** Changes `headers` where they name an address of the target. */
export function mapBack (headers: Headers, mappingOf: () => Mapping): void {
  const { location, 'content-location': contentLocation, refresh } = headers
  if (location === undefined && contentLocation === undefined && refresh === undefined) return
  const mapping = mappingOf()
  if (typeof location === 'string') headers.location = mapped(location, mapping)
  if (typeof contentLocation === 'string') headers['content-location'] = mapped(contentLocation, mapping)
  if (typeof refresh === 'string') headers.refresh = refresh.replace(/^(\s*\d+\s*[;,]\s*url\s*=\s*["']?)(.*)$/i, (_all, start: string, url: string) => start + mapped(url, mapping))
}

/** A url reference (RFC 3986 §4.1), byte for byte but for what is mapped. */
function mapped (reference: string, mapping: Mapping): string {
  const [, scheme, authority, rest] = /^(?:([a-z][a-z\d+.-]*):)?(?:\/\/([^/?#]*))?(.*)$/is.exec(reference)!
  if (authority === undefined) return scheme === undefined ? mappedPath(rest!, mapping) : reference
  const origin = `${scheme ?? mapping.origin.split(':', 1)[0]!}://${authority}`
  if (!URL.canParse(origin)) return reference
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
  return rest === '' || /^[/?#]/.test(rest) ? withinThisHost((to + rest).replace(/^(?!\/)/, '/')) : path
}

/** Changes the paths of cookies (RFC 6265 §5.2.4). */
export function mapCookiePaths (headers: Headers, mapping: Mapping): void {
  const cookies = headers['set-cookie']
  if (cookies === undefined) return
  headers['set-cookie'] = [cookies].flat().map(cookie =>
    cookie.replace(/(;\s*path\s*=\s*)([^;]*)/gi, (_all, start: string, path: string) => start + mappedPath(path, mapping)))
}
