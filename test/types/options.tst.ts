/** Options as a user writes them: what an editor takes, and what it underlines. */
import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'tstyche'
import type { Access, BalanceOptions, Headers, LoadBalancerOptions, PolicyFactory, TargetOptions, UpstreamOptions } from '../../lib/index.js'

declare function upstream (options: UpstreamOptions): void
declare function plugin (options: LoadBalancerOptions): void
declare function target (options: TargetOptions): void
declare const custom: PolicyFactory

describe('policy', () => {
  test('a name, a name with options, or a factory', () => {
    expect(upstream).type.toBeCallableWith({ policy: 'adaptive' })
    expect(upstream).type.toBeCallableWith({ policy: { name: 'round-robin' } })
    expect(upstream).type.toBeCallableWith({ policy: { name: 'prequal', quantile: 0.5 } })
    expect(upstream).type.toBeCallableWith({ policy: { name: 'hash', method: 'ketama', key: { header: 'x-user' }, fallback: 'random' } })
    expect(upstream).type.toBeCallableWith({ policy: custom })
  })

  test('a name that there is not', () => {
    expect(upstream).type.not.toBeCallableWith({ policy: 'least-connections' })
    expect(upstream).type.not.toBeCallableWith({ policy: { name: 'rr' } })
  })

  test('an option of another policy', () => {
    expect(upstream).type.not.toBeCallableWith({ policy: { name: 'round-robin', quantile: 0.5 } })
    expect(upstream).type.not.toBeCallableWith({ policy: { name: 'hash', fallback: 'hash' } })
  })

  test('the key of hash is made of a request', () => {
    expect(upstream).type.toBeCallableWith({ policy: { name: 'hash', key: (request: FastifyRequest) => request.ip } })
    expect(upstream).type.not.toBeCallableWith({ policy: { name: 'hash', key: (request: FastifyRequest) => request.raw.headers } })
  })
})

describe('durations', () => {
  test('are milliseconds, or text with a unit', () => {
    expect(upstream).type.toBeCallableWith({ timeouts: { connect: 2_000, headers: '60s', body: '1m', attempt: '500ms', total: '0.5h' } })
    expect(upstream).type.toBeCallableWith({ affinity: { cookie: { maxIdle: '30m', maxAge: '7d' } }, retry: { hedge: { after: '50ms' } } })
    expect(upstream).type.not.toBeCallableWith({ timeouts: { connect: '2' } })
    expect(upstream).type.not.toBeCallableWith({ timeouts: { connect: 'soon' } })
  })
})

describe('upstreams', () => {
  test('targets are urls or objects with one', () => {
    expect(upstream).type.toBeCallableWith({ targets: ['http://a', { url: 'http://b', weight: 2, tags: { version: 'v2' } }] })
    expect(upstream).type.not.toBeCallableWith({ targets: [{ id: 'a' }] })
    expect(target).type.not.toBeCallableWith({ url: 'http://a', weight: '2' })
    expect(target).type.not.toBeCallableWith({ url: 'http://a', tags: { version: 2 } })
    expect(target).type.not.toBeCallableWith({ url: 'http://a', wieght: 2 })
  })

  test('what may be switched off is false', () => {
    expect(upstream).type.toBeCallableWith({ retry: false, health: { active: false, passive: false }, affinity: false, discovery: false, upgrades: false })
    expect(upstream).type.toBeCallableWith({ retry: true, affinity: true, health: { active: true, passive: true }, limits: { queue: true } })
    expect(plugin).type.toBeCallableWith({ admin: true, routes: [{ prefix: '/', upstream: 'shop' }] })
    expect(upstream).type.not.toBeCallableWith({ discovery: true })
    expect(upstream).type.not.toBeCallableWith({ timeouts: false })
  })

  test('affinity is a cookie of ours or a session of theirs, not both', () => {
    expect(upstream).type.toBeCallableWith({ affinity: { cookie: { secret: ['new', 'old'], maxAge: 60, sameSite: 'strict' } } })
    expect(upstream).type.toBeCallableWith({ affinity: { session: { header: 'x-session' }, ttl: 1_000 } })
    expect(upstream).type.not.toBeCallableWith({ affinity: { ttl: 1_000 } })
    expect(upstream).type.not.toBeCallableWith({ affinity: { cookie: {}, onUnavailable: 'wait' } })
  })

  test('an option that there is not', () => {
    expect(upstream).type.not.toBeCallableWith({ healthcheck: {} })
    expect(upstream).type.not.toBeCallableWith({ health: { active: { pfad: '/' } } })
    expect(upstream).type.not.toBeCallableWith({ retry: { retries: 2 } })
  })

  test('hooks on header fields get the request', () => {
    expect(upstream).type.toBeCallableWith({ headers: { request: (request: FastifyRequest, headers: Headers) => ({ ...headers, 'x-ip': request.ip }) } })
    expect(upstream).type.not.toBeCallableWith({ headers: { request: () => undefined } })
  })
})

describe('the plugin', () => {
  test('routes name an upstream, and take options of Fastify', () => {
    expect(plugin).type.toBeCallableWith({ routes: { '/a': 'shop', '/b': { upstream: 'shop', rewritePrefix: '/', method: ['GET'], bodyLimit: 1, onRequest: async () => {} } } })
    expect(plugin).type.not.toBeCallableWith({ routes: { '/a': { rewritePrefix: '/' } } })
    expect(plugin).type.not.toBeCallableWith({ routes: { '/a': { upstream: 'shop', handler: () => {} } } })
  })

  test('admin asks for who may', () => {
    expect(plugin).type.toBeCallableWith({ admin: { authorize: 'loopback' } })
    expect(plugin).type.toBeCallableWith({ admin: { authorize: (request: FastifyRequest, { write }: Access) => !write || request.headers.authorization !== undefined } })
    expect(plugin).type.not.toBeCallableWith({ admin: {} })
    expect(plugin).type.not.toBeCallableWith({ admin: { authorize: 'everybody' } })
  })
})

test('one request has a say in what is its own', () => {
  expect<BalanceOptions>().type.toBeAssignableFrom({ path: '/x', hashKey: 'k', retry: { attempts: 1 }, timeouts: { total: 1 } })
  expect<NonNullable<Exclude<BalanceOptions['retry'], false>>>().type.not.toHaveProperty('budget')
})
