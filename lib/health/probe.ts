/** One probe of one target, on a connection of its own: what came of it, in words. */
import { request as httpRequest, type ClientRequest } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { fixedLookup } from '../engine/fixed-lookup.js'
import { inWords } from '../engine/in-words.js'
import type { EngineTargetConfig, TlsOptions } from '../engine/target-options.js'
import type { ProbeSettings } from './probe-options.js'

/** Bytes of a body that are looked at. */
const LONGEST_BODY = 65_536

export interface ProbeResult {
  passed: boolean
  /** `status 503`, `connection refused`, … */
  reason: string
}

/** A probe under way. */
export interface RunningProbe {
  readonly result: Promise<ProbeResult>
  /** Ends it; the result is a failure for this reason. */
  stop (reason: string): void
}

/** `http2`: requests to the target go over HTTP/2. A probe of another port goes over HTTP/1.1: another server may answer there. */
export function probe (config: EngineTargetConfig, settings: ProbeSettings, tls: TlsOptions, http2 = false): RunningProbe {
  const place = placeOf(config, settings)
  let settle!: (result: ProbeResult) => void
  const result = new Promise<ProbeResult>(resolve => { settle = resolve })
  let connection: Socket | ClientRequest | undefined
  try {
    const overHttp = http2 && settings.port === undefined ? probeHttp2 : probeHttp
    connection = settings.type === 'tcp' ? probeTcp(place, settle) : overHttp(config, settings, tls, place, settle)
  } catch (error) {
    // A certificate or a key that is none shows only now.
    settle({ passed: false, reason: inWords(error as Error) })
  }
  return {
    result,
    stop (reason) {
      settle({ passed: false, reason })
      connection?.destroy()
    }
  }
}

interface Place { host: string, port: number, socketPath: string | undefined, lookup: ReturnType<typeof fixedLookup> }

function placeOf (config: EngineTargetConfig, settings: ProbeSettings): Place {
  const { hostname, port, protocol } = new URL(config.origin)
  return {
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: settings.port ?? Number(port !== '' ? port : protocol === 'https:' ? 443 : 80),
    socketPath: config.socketPath,
    lookup: fixedLookup(config.address)
  }
}

function probeTcp ({ host, port, socketPath, lookup }: Place, settle: (result: ProbeResult) => void): Socket {
  const socket = socketPath === undefined ? connect({ port, host, ...lookup }) : connect(socketPath)
  // A probe is background work: a script may end while one is under way.
  socket.unref()
  socket.once('connect', () => {
    settle({ passed: true, reason: 'connected' })
    socket.destroy()
  })
  socket.on('error', error => { settle({ passed: false, reason: inWords(error) }) })
  return socket
}

function probeHttp (config: EngineTargetConfig, settings: ProbeSettings, tls: TlsOptions, place: Place, settle: (result: ProbeResult) => void): ClientRequest {
  const secure = config.origin.startsWith('https:')
  const options = {
    ...requestOf(config, settings),
    agent: false as const,
    ...(place.socketPath === undefined ? { host: place.host, port: place.port, ...place.lookup } : { socketPath: place.socketPath })
  }
  const request = secure ? httpsRequest({ ...options, servername: servernameOf(place), rejectUnauthorized: true, ...tls }) : httpRequest(options)
  return heard(request, settings, settle)
}

function requestOf (config: EngineTargetConfig, settings: ProbeSettings): { method: string, path: string, headers: Record<string, string> } {
  return { method: settings.method, path: config.basePath + settings.path, headers: { 'user-agent': 'fastify-load-balancer', ...settings.headers } }
}

/** Node would take the name from a `Host` among the headers; an address is no name (RFC 6066 §3). */
function servernameOf ({ host }: Place): string {
  return isIP(host) === 0 ? host : ''
}

/** Sends a request of HTTP/1.1, and judges the response. */
function heard (request: ClientRequest, settings: ProbeSettings, settle: (result: ProbeResult) => void): ClientRequest {
  request.once('socket', socket => { socket.unref() })
  // More than once: taking the connection away is an error, too.
  request.on('error', error => { settle({ passed: false, reason: inWords(error) }) })
  request.once('response', response => { judge(response, response.statusCode!, settings, settle, () => { request.destroy() }) })
  request.once('upgrade', (response, socket) => {
    settle({ passed: settings.expect.status(response.statusCode!), reason: `status ${response.statusCode!}` })
    socket.destroy()
  })
  request.end()
  return request
}

/** `end`: gives up what is left of the response. */
function judge (response: Readable, status: number, { expect }: ProbeSettings, settle: (result: ProbeResult) => void, end: () => void): void {
  const { body } = expect
  if (body === undefined || !expect.status(status)) {
    settle({ passed: expect.status(status), reason: `status ${status}` })
    // What the body says does not matter, and it may be endless.
    end()
    return
  }
  let text = ''
  const decide = (): void => { settle(body(text) ? { passed: true, reason: `status ${status}` } : { passed: false, reason: 'the body is not as expected' }) }
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    text += chunk
    if (text.length < LONGEST_BODY) return
    decide()
    end()
  })
  response.once('end', decide)
  response.once('error', error => { settle({ passed: false, reason: inWords(error) }) })
}

/**
 * Over HTTP/2, as the requests to a target with `pool.http2` go: taken for granted with `http:`, offered with `https:`, where a target may choose
 * HTTP/1.1 (ALPN).
 */
function probeHttp2 (config: EngineTargetConfig, settings: ProbeSettings, tls: TlsOptions, place: Place, settle: (result: ProbeResult) => void): Socket {
  const { host, port, socketPath, lookup } = place
  const where = socketPath === undefined ? { host, port, ...lookup } : { path: socketPath }
  const fail = (error: Error): void => { settle({ passed: false, reason: inWords(error) }) }
  const request = requestOf(config, settings)
  const ask = (): void => {
    const session = connectHttp2(config.origin, { createConnection: () => socket })
    const end = (): void => { session.destroy() }
    session.on('error', fail)
    session.unref()
    const { host: authority, ...headers } = request.headers
    const stream = session.request({ ...headers, ...(authority !== undefined && { ':authority': authority }), ':method': request.method, ':path': request.path }, { endStream: true })
    stream.on('error', fail)
    stream.once('response', ({ ':status': status }) => { judge(stream, status!, settings, settle, end) })
    stream.once('close', end)
  }
  const secure = config.origin.startsWith('https:')
  const socket = secure
    ? connectTls({ ...where, servername: servernameOf(place), rejectUnauthorized: true, ...tls, ALPNProtocols: ['h2', 'http/1.1'] })
    : connect(where as never)
  socket.unref().on('error', fail)
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    if (secure && (socket as TLSSocket).alpnProtocol !== 'h2') heard(httpRequest({ ...request, createConnection: () => socket, host }), settings, settle)
    else ask()
  })
  return socket
}
