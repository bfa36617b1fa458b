/** An upstream at run time: calls, events, dispatcher; and the parts that a user may write. */
import { expect, test } from 'tstyche'
import { fetch as undiciFetch, request, type Dispatcher } from 'undici'
import type { AttemptMessage, Policy, PolicyFactory, Settlement, Target, TargetMessage, TargetSet, Upstream, UpstreamEvent, UpstreamSnapshot } from '../../lib/index.js'

declare const upstream: Upstream

test('calls', () => {
  expect(upstream.targets).type.toBe<ReadonlyMap<string, Target>>()
  expect(upstream.pick({ hashKey: 'k', tried: ['a'] })).type.toBe<Target>()
  expect(upstream.snapshot()).type.toBe<UpstreamSnapshot>()
  expect(upstream.remove('a', { drainMs: 1 })).type.toBe<Promise<void>>()
  expect(upstream.update).type.toBeCallableWith('a', { state: 'drain' as const })
  expect(upstream.update).type.not.toBeCallableWith('a', { state: 'draining' })
  expect(upstream.update).type.not.toBeCallableWith('a', { url: 'http://elsewhere' })
  expect(upstream.add).type.toBeCallableWith('http://a')
  expect(upstream.add).type.not.toBeCallableWith({ id: 'a' })
})

test('events have one argument', () => {
  upstream.on('target:ejected', (...args) => {
    expect(args).type.toBe<[UpstreamEvent]>()
    expect(args[0].reason).type.toBe<string | undefined>()
  })
  expect(upstream.on<'target:added'>).type.toBeCallableWith('target:added', ({ target }: UpstreamEvent) => target)
  expect(upstream.on<'target:added'>).type.not.toBeCallableWith('target:added', ({ reason }: { reason: string }) => reason)
})

test('the dispatcher is one of undici, and of the global fetch', () => {
  expect(upstream.dispatcher).type.toBeAssignableTo<Dispatcher>()
  expect(fetch).type.toBeCallableWith('http://shop/', { dispatcher: upstream.dispatcher })
  expect(undiciFetch).type.toBeCallableWith('http://shop/', { dispatcher: upstream.dispatcher })
  expect(request).type.toBeCallableWith('http://shop/', { dispatcher: upstream.dispatcher })
})

test('messages of diagnostics channels', () => {
  expect<AttemptMessage>().type.toHaveProperty('durationMs')
  expect<TargetMessage>().type.toHaveProperty('event')
})

test('a policy of one’s own', () => {
  expect<PolicyFactory>().type.toBeAssignableFrom(({ random, now }: Parameters<PolicyFactory>[0]) => ({
    pick: (targets: readonly Target[]) => targets[Math.floor(random() * targets.length) + now() * 0]!,
    settle: (target: Target, { outcome, durationMs }: Settlement) => { if (outcome === 'timeout') target.id.padEnd(durationMs) }
  }))
  expect<Policy>().type.not.toBeAssignableFrom({ pick: () => 'a' })
  expect<Policy>().type.not.toBeAssignableFrom({ update () {} })
})

test('a source of targets of one’s own', () => {
  async function * source (): AsyncGenerator<TargetSet> { yield ['http://a', { url: 'http://b' }] }
  expect<AsyncIterable<TargetSet>>().type.toBeAssignableFrom(source())
})
