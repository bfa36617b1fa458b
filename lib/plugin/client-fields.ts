/**
 * Header fields that a client sends and a target must not see: those that `Connection` names (RFC 9110 §7.6.1), and, unless the upstream passes
 * them, those with an underscore in their name, which many targets read as a hyphen.
 *
 * This is settled before the first hook runs. A client can therefore not remove a field that a hook sets, not even by sending the same value.
 */
import type { IncomingMessage, Server } from 'node:http'

/**
 * Fields for every recipient, which a sender must not name in `Connection`, and fields of the connection itself, which `requestFields` drops: hooks
 * and Node need those.
 */
const PROTECTED = /^(?:authorization|cache-control|connection|content-.*|cookie|expect|forwarded|host|http2-settings|keep-alive|origin|proxy-connection|sec-.*|te|trailer|transfer-encoding|upgrade|via|x-forwarded-.*|x-request-id)$/

type RequestHeaders = IncomingMessage['headers']

const watched = new WeakSet<object>()
/** Requests that have such fields, and have been settled. */
const settled = new WeakSet<IncomingMessage>()

/** Settles requests of this server before its hooks run. Once per server, however often the plugin is registered. */
export function watchClientFields (server: Server): void {
  if (watched.has(server)) return
  watched.add(server)
  server.prependListener('request', settleClientFields)
}

/** Removes the fields that `Connection` names, and marks those with underscores, where they still have the client's value. */
export function settleClientFields (raw: IncomingMessage): void {
  if (namesFields(raw) || hasUnderscores(raw)) settle(raw)
}

/** The same for what `Connection` names. `inject()`, and servers that Fastify adds for a second address, do not tell of a request before its hooks run. */
export function removeNamedFields (raw: IncomingMessage): void {
  if (namesFields(raw)) settle(raw)
}

/** Whether a field with an underscore in its name has the client's value, and not one that a hook has set. */
export function isOfClient (raw: IncomingMessage, name: string, value: unknown): boolean {
  settle(raw)
  const mark = Object.getOwnPropertyDescriptor(raw.headers, name)?.get
  return mark !== undefined && mark.call(raw.headers) === value
}

function namesFields ({ headers: { connection } }: IncomingMessage): boolean {
  return connection !== undefined && !/^(?:keep-alive|close|upgrade)$/i.test(connection)
}

function hasUnderscores ({ rawHeaders }: IncomingMessage): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.includes('_')) return true
  return false
}

function settle (raw: IncomingMessage): void {
  if (settled.has(raw)) return
  settled.add(raw)
  const { headers } = raw
  const sent = sentFields(raw)
  for (const option of (sent.get('connection') ?? []).join().split(',')) {
    const name = option.trim().toLowerCase()
    if (!PROTECTED.test(name) && hasSent(sent, name, headers[name])) delete headers[name]
  }
  for (const name of sent.keys()) {
    if (name.includes('_') && hasSent(sent, name, headers[name])) mark(headers, name)
  }
}

/** All values of each field, as the client has sent them. */
function sentFields ({ rawHeaders }: IncomingMessage): Map<string, string[]> {
  const sent = new Map<string, string[]>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    const values = sent.get(name)
    if (values === undefined) sent.set(name, [rawHeaders[i + 1]!])
    else values.push(rawHeaders[i + 1]!)
  }
  return sent
}

/** The value is the client's: Node joins several, or keeps the first. */
function hasSent (sent: Map<string, string[]>, name: string, value: unknown): boolean {
  const values = sent.get(name)
  return values !== undefined && (value === values[0] || value === values.join(', '))
}

/** Until it is set anew, the field reads as before, but has a getter. */
function mark (headers: RequestHeaders, name: string): void {
  const value = headers[name]
  Object.defineProperty(headers, name, {
    configurable: true,
    enumerable: true,
    get: () => value,
    set: own => { Object.defineProperty(headers, name, { configurable: true, enumerable: true, writable: true, value: own }) }
  })
}
