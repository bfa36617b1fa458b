/**
 * Who the client is, for targets that only see the gateway: `X-Forwarded-*`, or `Forwarded` (RFC 7239). What the client itself says of that counts
 * only when Fastify's `trustProxy` trusts the peer; otherwise it is replaced. It is read from the request as it came, since a client could name these
 * fields in `Connection` to have a trusted proxy's word on it forgotten.
 */
import type { FastifyRequest } from 'fastify'
import type { FieldList } from '../engine/headers.js'

/** Fields that are ours to write, in any spelling that a target might take for them: some frameworks read `_` as `-`. */
export function isForwardingField (name: string): boolean {
  const first = name.charCodeAt(0)
  // f and x: few fields need a closer look.
  if (first !== 0x66 && first !== 0x78) return false
  return /^(?:forwarded|x[-_]forwarded[-_](?:for|proto|host|port|prefix))$/.test(name)
}

const nothing: FastifyRequest['raw']['headers'] = Object.freeze({})

/** `prefix`: what was taken off the path, if anything. */
export function pushXForwarded (fields: FieldList, request: FastifyRequest, prefix: string): void {
  const { headers } = request.raw
  const said = headers['x-forwarded-for'] !== undefined || headers['x-forwarded-port'] !== undefined || headers['x-forwarded-prefix'] !== undefined
  const before = said && trustsPeer(request) ? headers : nothing
  const { protocol, host } = request
  const port = before['x-forwarded-port'] ?? portOf(host) ?? (protocol === 'https' ? '443' : '80')
  fields.push(
    'x-forwarded-for', append(before['x-forwarded-for'], addressOf(request)),
    'x-forwarded-proto', protocol,
    'x-forwarded-host', host,
    'x-forwarded-port', port
  )
  const prefixes = String(before['x-forwarded-prefix'] ?? '').replace(/\/$/, '') + prefix
  if (prefixes !== '') fields.push('x-forwarded-prefix', prefixes)
}

export function pushForwarded (fields: FieldList, request: FastifyRequest): void {
  const { forwarded } = request.raw.headers
  const before = forwarded !== undefined && trustsPeer(request) ? forwarded : undefined
  const address = addressOf(request)
  const node = address.includes(':') ? `"[${address}]"` : address
  fields.push('forwarded', append(before, `for=${node};host=${quoted(request.host)};proto=${quoted(request.protocol)}`))
}

/**
 * Whether Fastify's `trustProxy` trusts who is connected to us. Fastify keeps that to itself, but its `request.host` goes by it: an
 * `X-Forwarded-Host` of our own shows through when the peer is trusted.
 */
function trustsPeer (request: FastifyRequest): boolean {
  const probe = Object.create(request, { headers: { value: { 'x-forwarded-host': 'trusted' } } }) as FastifyRequest
  return probe.host === 'trusted'
}

function addressOf ({ raw }: FastifyRequest): string {
  // IPv4 on a socket that listens on both.
  return (raw.socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=[\d.]+$)/, '')
}

function portOf (host: string): string | undefined {
  return /:(\d+)$/.exec(host)?.[1]
}

function append (before: string | string[] | undefined, own: string): string {
  return before === undefined || before === '' ? own : `${String(before)}, ${own}`
}

/** RFC 7239 §4: what is no token is quoted. */
function quoted (value: string): string {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`
}
