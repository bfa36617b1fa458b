/** The admin API and the dashboard, as a scope of their own below `admin.prefix`. */
import { STATUS_CODES, type OutgoingHttpHeaders } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { systemClock } from '../../engine/clock.js'
import { AdminBusyError, InvalidOptionsError } from '../../errors.js'
import { addDashboard } from '../dashboard/dashboard.js'
import { EventStream } from './event-stream.js'
import { Feed } from './feed.js'
import { guard, isWrite, loopback, whoAsks } from './guard.js'
import type { AdminSettings } from './options.js'
import type { Registry } from './registry.js'
import { addRoutes } from './routes.js'
import { upstreamRow } from './rows.js'
import { schemas } from './schemas.js'

/** Of every answer, for browsers: nothing is kept, framed, or read by other sites. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'"
}

export async function registerAdmin (fastify: FastifyInstance, { prefix, authorize }: AdminSettings, registry: Registry): Promise<void> {
  const mayIt = authorize === 'loopback' ? loopback : authorize
  await fastify.register(async scope => {
    speakJson(scope)
    scope.addHook('onRequest', async (request, reply) => {
      reply.headers(HEADERS)
      return await guard(mayIt, request, reply)
    })
    addEvents(scope, registry)
    addDashboard(scope)
    addRoutes(scope, registry, mayIt)
  }, { prefix })
}

/** Whatever parsers, validators and error handlers the user has for routes of their own, these stay as they are documented. */
function speakJson (scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null)
    else parse(request, body, done)
  })
  scope.setValidatorCompiler(() => () => true)
  scope.setSerializerCompiler(() => JSON.stringify)
  scope.setErrorHandler(answerError)
}

function answerError (error: FastifyError & { headers?: Record<string, string> }, request: FastifyRequest, reply: FastifyReply): void {
  const faults = error instanceof InvalidOptionsError ? error.message.split('\n') : undefined
  const status = faults !== undefined ? 400 : inRange(error.statusCode, 400, 599) ?? 500
  if (status >= 500) request.log.error({ err: error }, 'admin: a request has failed')
  else if (isWrite(request)) request.log.warn({ by: whoAsks(request), from: request.ip, err: error }, 'admin: a change was refused')
  if (error.headers !== undefined) reply.headers(error.headers)
  const message = status === 500 ? 'Internal Server Error' : error.message
  reply.code(status).send({ statusCode: status, code: error.code, error: STATUS_CODES[status], message, ...(faults !== undefined && { faults }) })
}

function inRange (status: number | undefined, from: number, to: number): number | undefined {
  return status !== undefined && status >= from && status <= to ? status : undefined
}

function addEvents (scope: FastifyInstance, registry: Registry): void {
  const feed = new Feed(() => [...registry].map(upstream => upstreamRow(upstream, registry.entry(upstream.name)?.prober)), systemClock)
  registry.watch(upstream => { feed.watch(upstream) })
  // Before the server waits for what is in flight, which these would be for ever.
  scope.addHook('preClose', async () => { feed.close() })
  scope.get('/events', { ...schemas.events, exposeHeadRoute: false }, async (_request, reply) => {
    if (feed.full) throw Object.assign(new AdminBusyError(), { headers: { 'retry-after': '5' } })
    reply.hijack()
    const stream = new EventStream(reply.raw, reply.getHeaders() as OutgoingHttpHeaders, () => { feed.remove(stream) })
    feed.add(stream)
  })
}
