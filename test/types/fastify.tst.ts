/** What Fastify's own types have once the plugin is imported. */
import Fastify from 'fastify'
import { expect, test } from 'tstyche'
import loadBalancer, { loadBalancer as named, type Balancing, type LoadBalancerErrorCode, type LoadBalancerOptions, type Outcome, type Upstream, type Upstreams } from '../../lib/index.js'

const app = Fastify()

test('the plugin is registered with its options', () => {
  expect(app.register(loadBalancer, { upstreams: { shop: { policy: 'random' } } })).type.not.toRaiseError()
  expect<Parameters<typeof loadBalancer>[1]>().type.toBe<LoadBalancerOptions>()
  expect(named).type.toBe<typeof loadBalancer>()
})

test('decorators', () => {
  expect(app.upstreams).type.toBe<Upstreams>()
  expect(app.upstreams.get('shop')).type.toBe<Upstream | undefined>()
  expect([...app.upstreams]).type.toBe<Upstream[]>()
  app.get('/', (request, reply) => {
    expect(request.balancing).type.toBe<Balancing | null>()
    expect(reply.balance('shop', { hashKey: 'k' })).type.toBe<typeof reply>()
    expect(reply.balance).type.toBeCallableWith()
    expect(reply.balance).type.not.toBeCallableWith('shop', { hash: 'k' })
  })
})

test('the config of routes', () => {
  expect(app.get).type.toBeCallableWith('/', { config: { upstream: 'shop' } }, () => {})
  expect(app.get).type.toBeCallableWith('/', { config: { upstream: 'shop', split: { v1: 90, v2: 10 } } }, () => {})
  expect(app.get).type.not.toBeCallableWith('/', { config: { upstream: 1 } }, () => {})
})

test('attempts', () => {
  const { attempts } = {} as Balancing
  expect(attempts[0]!.outcome).type.toBe<Outcome>()
  expect(attempts[0]!.status).type.toBe<number | undefined>()
  expect(attempts[0]!.error).type.toBe<Error | undefined>()
})

test('codes of errors', () => {
  type Errors = typeof import('../../lib/errors.js')
  expect<LoadBalancerErrorCode>().type.toBe<{ [Name in keyof Errors]: InstanceType<Errors[Name]>['code'] }[keyof Errors]>()
})
