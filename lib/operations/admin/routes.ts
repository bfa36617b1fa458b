/** The API: reads what upstreams show of themselves, and changes them through the calls that a user has. */
import { hostname } from 'node:os'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { TIME_BOUNDS } from '../../balancing/counters.js'
import type { TargetOptions, TargetUpdateOptions } from '../../engine/target-options.js'
import { drainMsOption } from '../../engine/call-options.js'
import type { Upstream } from '../../engine/upstream.js'
import { AdminNotFoundError } from '../../errors.js'
import { checked, isObject, object, refuse, string, type Check } from '../../options.js'
import { audit } from './audit.js'
import { isPermitted, whoAsks } from './guard.js'
import type { Authorize } from './options.js'
import type { Registry } from './registry.js'
import { upstreamRow, type TargetRow, type UpstreamRow } from './rows.js'
import { schemas } from './schemas.js'

/** Bytes of a body at most: of what concerns one target, and of a whole set. */
const SMALL = 64 * 1024
const LARGE = 4 * 1024 * 1024

type OfUpstream = FastifyRequest<{ Params: { upstream: string } }>

const inQuery: Check<number> = (value, path, faults) =>
  drainMsOption(typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value, path, faults)

const targetQuery = object({ id: string })
const drainQuery = object({ drainMs: inQuery })
const removalQuery = object({ id: string, drainMs: inQuery })

export function addRoutes (scope: FastifyInstance, registry: Registry, authorize: Authorize): void {
  const rowOf = (upstream: Upstream): UpstreamRow => upstreamRow(upstream, registry.entry(upstream.name)?.prober)
  const rowsOf = (): UpstreamRow[] => [...registry].map(rowOf)

  const upstreamOf = ({ params: { upstream: name } }: OfUpstream): Upstream => {
    const upstream = registry.get(name)
    if (upstream === undefined) throw new AdminNotFoundError(`no upstream ${JSON.stringify(name)}; there are ${[...registry].map(({ name }) => name).join(', ') || 'none'}`)
    return upstream
  }

  /** The upstream, once it is known that it has such a target. */
  const holderOf = (request: OfUpstream, id: string): Upstream => {
    const upstream = upstreamOf(request)
    if (!upstream.targets.has(id)) throw new AdminNotFoundError(`no target ${JSON.stringify(id)} in ${upstream.name}`)
    return upstream
  }

  const targetRowOf = (upstream: Upstream, id: string): TargetRow => rowOf(upstream).targets.find(row => row.id === id)!

  // ---- looking ----------------------------------------------------------------------------------------------------------

  scope.get('/access', schemas.access, async (request, reply) => {
    const mayWrite = async (): Promise<boolean> => isPermitted(await authorize(request, { write: true, reply }))
    const write = await mayWrite().catch(() => false)
    if (reply.sent) return reply
    // Who refuses may have set a status, which was to be that of a change.
    reply.code(200)
    return { name: whoAsks(request), write, process: { pid: process.pid, host: hostname() } }
  })

  scope.get('/upstreams', schemas.list, async () => ({ timeBounds: TIME_BOUNDS, upstreams: rowsOf() }))

  scope.get('/upstreams/:upstream', schemas.show, async (request: OfUpstream) => rowOf(upstreamOf(request)))

  // By the query, not by the path: ids are urls, and proxies in front have ideas about slashes and dots in a path, encoded or not.
  scope.get('/upstreams/:upstream/target', schemas.showTarget, async (request: OfUpstream) => {
    const { id } = checked(targetQuery, request.query, 'query')
    return targetRowOf(holderOf(request, id), id)
  })

  // ---- changing ---------------------------------------------------------------------------------------------------------

  scope.post('/upstreams', { ...schemas.add, bodyLimit: LARGE }, async (request, reply) => {
    if (!isObject(request.body)) refuse(['body: expected an object with a name and the options of an upstream'])
    const { name, ...options } = request.body as Record<string, unknown>
    const upstream = registry.add(checked(string, name, 'name'), options)
    audit(request, { upstream: upstream.name, options: Object.keys(options) }, 'an upstream was added')
    reply.code(201)
    return rowOf(upstream)
  })

  scope.delete('/upstreams/:upstream', { ...schemas.remove, bodyLimit: SMALL }, async (request: OfUpstream, reply) => {
    const { drainMs } = checked(drainQuery, request.query, 'query')
    const { name, targets } = upstreamOf(request)
    void registry.remove(name, { drainMs })
    audit(request, { upstream: name, drainMs }, 'an upstream was taken out')
    reply.code(202)
    return { removed: name, inFlight: [...targets.values()].reduce((sum, target) => sum + target.inFlight, 0), drainMs }
  })

  scope.post('/upstreams/:upstream/targets', { ...schemas.addTarget, bodyLimit: SMALL }, async (request: OfUpstream, reply) => {
    const upstream = upstreamOf(request)
    if (!isObject(request.body)) refuse(['body: expected an object with the url of a target'])
    const { id, url, weight, tier } = upstream.add(request.body as unknown as TargetOptions)
    audit(request, { upstream: upstream.name, target: id, url, weight, tier }, 'a target was added')
    reply.code(201)
    return targetRowOf(upstream, id)
  })

  scope.put('/upstreams/:upstream/targets', { ...schemas.replace, bodyLimit: LARGE }, async (request: OfUpstream) => {
    const upstream = upstreamOf(request)
    upstream.replace(request.body as TargetOptions[])
    audit(request, { upstream: upstream.name, targets: upstream.targets.size }, 'the targets were replaced')
    return rowOf(upstream)
  })

  scope.patch('/upstreams/:upstream/target', { ...schemas.update, bodyLimit: SMALL }, async (request: OfUpstream) => {
    const { id } = checked(targetQuery, request.query, 'query')
    const upstream = holderOf(request, id)
    const change = request.body as TargetUpdateOptions
    upstream.update(id, change)
    audit(request, { upstream: upstream.name, target: id, change }, 'a target was changed')
    return targetRowOf(upstream, id)
  })

  scope.delete('/upstreams/:upstream/target', { ...schemas.removeTarget, bodyLimit: SMALL }, async (request: OfUpstream, reply) => {
    const { id, drainMs } = checked(removalQuery, request.query, 'query')
    const upstream = holderOf(request, id)
    const { inFlight } = upstream.targets.get(id)!
    void upstream.remove(id, { drainMs })
    audit(request, { upstream: upstream.name, target: id, drainMs }, 'a target was taken out')
    reply.code(202)
    return { removed: id, inFlight, drainMs }
  })

  // ---- neither ----------------------------------------------------------------------------------------------------------

  // A balanced route at '/' would pass on what is not found here.
  scope.route({ method: scope.supportedMethods, url: '/*', schema: { hide: true } as object, handler: async () => { throw new AdminNotFoundError('nothing of that name here') } })
}
