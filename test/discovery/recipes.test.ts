/** The recipes of the guide, as they are written there. */
import t from 'tap'
import { EventEmitter, once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { selfSigned } from '../helpers/certificates.js'
import { discovering } from '../helpers/discovering.js'
import { startTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const guide = readFileSync('docs/discovery.md', 'utf8')

/** A block of the guide that begins with its name, as a module. */
async function recipe (t: { testdir: (files: Record<string, string>) => string }, name: string): Promise<any> {
  const code = [...guide.matchAll(/^```js\n(.*?)^```$/gms)].map(block => block[1]!).find(block => block.startsWith(`// ${name}\n`))
  if (code === undefined) throw new Error(`there is no ${name} in the guide`)
  const folder = t.testdir({ [name]: code, 'package.json': '{ "type": "module" }' })
  return import(pathToFileURL(join(folder, name)).href)
}

// ---- Kubernetes -----------------------------------------------------------------------------------------------------------

/** A slice as the API of Kubernetes shows it. */
const slice = (addressType: string, endpoints: object[] | null, ports: object[] | null = [{ name: 'http', protocol: 'TCP', port: 3000 }, { name: 'metrics', protocol: 'TCP', port: 9090 }]): object => ({
  metadata: {
    name: 'shop-x2x7b',
    generateName: 'shop-',
    namespace: 'sales',
    labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io', 'kubernetes.io/service-name': 'shop' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'shop', controller: true }]
  },
  addressType,
  endpoints,
  ports
})

const list = (...items: object[]): object => ({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata: { resourceVersion: '48151' }, items })

const pod = (address: string, ready: boolean, serving = ready, terminating = false): object => ({
  addresses: [address],
  conditions: { ready, serving, terminating },
  targetRef: { kind: 'Pod', namespace: 'sales', name: 'shop-7c5d-abcde', uid: '0d3b0d0e' },
  nodeName: 'node-1',
  zone: 'eu-1a'
})

t.test('Kubernetes: pods that are ready, with their zone; one that ends keeps its clients while it serves', async t => {
  const { fromSlices } = await recipe(t, 'kubernetes.js')
  const zone = { tags: { zone: 'eu-1a' } }
  t.strictSame(fromSlices(list(
    slice('IPv4', [pod('10.1.0.1', true), pod('10.1.0.2', false), pod('10.1.0.3', false, true, true), { addresses: ['10.1.0.4'], conditions: {} }, { addresses: ['10.1.0.5'] }]),
    slice('IPv4', [pod('10.1.0.1', true), pod('10.1.0.6', true)]),
    slice('IPv6', [pod('fd00::1', true)]),
    slice('IPv4', null, null)
  ), { service: 'shop', port: 'http' }), [
    { url: 'http://10.1.0.1:3000', weight: 1, ...zone },
    { url: 'http://10.1.0.3:3000', weight: 0, ...zone },
    { url: 'http://10.1.0.4:3000', weight: 1 },
    { url: 'http://10.1.0.5:3000', weight: 1 },
    { url: 'http://10.1.0.6:3000', weight: 1, ...zone }
  ])
  t.strictSame(fromSlices(list(slice('IPv6', [pod('fd00::1', true)])), { service: 'shop', port: 'metrics', family: 'IPv6' }), [{ url: 'http://[fd00::1]:9090', weight: 1, ...zone }])
  t.strictSame(fromSlices(list(slice('IPv4', [pod('10.1.0.1', true)], [{ name: '', port: 80 }])), { service: 'shop' }), [{ url: 'http://10.1.0.1:80', weight: 1, ...zone }])
  t.strictSame(fromSlices(list(slice('IPv4', [pod('10.1.0.1', true)])), { service: 'shop', port: 'grpc' }), [])
  t.strictSame(fromSlices(list(slice('IPv4', null, null)), { service: 'shop' }), [])
  t.throws(() => fromSlices(list(), { service: 'shop' }), { message: 'no slices of the Service shop' })
})

t.test('Kubernetes: asked for with the token of the account, which changes, and verified by its authority', async t => {
  const { kubernetes } = await recipe(t, 'kubernetes.js')
  const account = t.testdir({ token: 'one\n' })
  const certificate = selfSigned(account)
  writeFileSync(join(account, 'ca.crt'), certificate.cert)
  const asked: unknown[] = []
  let answer = list(slice('IPv4', [pod('10.1.0.1', true)]))
  const server = createServer(certificate, (request, response) => {
    asked.push([request.url, request.headers.authorization])
    response.end(JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const found = discovering(t, kubernetes({ namespace: 'sales', service: 'shop', port: 'http', api: `https://localhost:${(server.address() as AddressInfo).port}`, account }))
  await found.has('http://10.1.0.1:3000')
  writeFileSync(join(account, 'token'), 'two\n')
  answer = list(slice('IPv4', [pod('10.1.0.1', true), pod('10.1.0.2', true)]))
  await until(() => found.clock.pending === 1, 'the pause')
  found.clock.advance(2_000)
  await found.has('http://10.1.0.1:3000 http://10.1.0.2:3000')
  const path = '/apis/discovery.k8s.io/v1/namespaces/sales/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dshop'
  t.strictSame(asked, [[path, 'Bearer one'], [path, 'Bearer two']])
})

// ---- Consul ---------------------------------------------------------------------------------------------------------------

/** An entry as Consul's health endpoint shows it. */
const entry = (id: string, address: string, more: object = {}): object => ({
  Node: { ID: '40e4a748', Node: 'node-1', Address: '10.2.0.1', Datacenter: 'dc1', TaggedAddresses: { lan: '10.2.0.1' }, Meta: {} },
  Service: { ID: id, Service: 'shop', Tags: ['v1'], Address: address, Meta: { zone: 'eu' }, Port: 3000, Weights: { Passing: 10, Warning: 1 }, ...more },
  Checks: [{ Node: 'node-1', CheckID: `service:${id}`, Status: 'passing', ServiceID: id, ServiceName: 'shop' }]
})

t.test('Consul: instances by their id, at their own address or that of their node', async t => {
  const { fromHealth } = await recipe(t, 'consul.js')
  t.strictSame(fromHealth([entry('shop-1', '10.2.0.9'), entry('shop-2', '', { Weights: { Passing: 65_535, Warning: 1 }, Meta: null }), entry('shop-3', '', { Weights: undefined })]), [
    { id: 'shop-1', url: 'http://10.2.0.9:3000', weight: 10, tags: { node: 'node-1', zone: 'eu' } },
    { id: 'shop-2', url: 'http://10.2.0.1:3000', weight: 256, tags: { node: 'node-1' } },
    { id: 'shop-3', url: 'http://10.2.0.1:3000', weight: 1, tags: { node: 'node-1', zone: 'eu' } }
  ])
  t.strictSame(fromHealth([]), [])
})

t.test('Consul: an answer is waited for until something changes; an index that has become lower is begun anew', async t => {
  const { consul } = await recipe(t, 'consul.js')
  const held: ServerResponse[] = []
  const agent = await startTarget(t, 'consul', (_seen, _request, response) => { held.push(response) })
  const answer = (index: number, ...entries: object[]): void => {
    held.shift()!.setHeader('X-Consul-Index', index).end(JSON.stringify(entries))
  }
  const found = discovering(t, consul({ service: 'shop', agent: agent.url, token: 'secret' }))
  for (const [i, [index, ...ids]] of ([[17, 'a'], [23, 'a', 'b'], [5, 'b'], [9, 'b', 'c']] as const).entries()) {
    await until(() => held.length === 1, 'the question')
    found.clock.advance(4_000)
    answer(index, ...ids.map(id => entry(id, `10.2.0.${id.charCodeAt(0)}`)))
    await found.resolved(i + 1)
    t.equal(found.ids(), ids.join(' '))
    await until(() => found.clock.pending === 1, 'the pause')
    found.clock.advance(250)
  }
  await until(() => held.length === 1, 'the next question')
  t.strictSame(agent.seen.map(({ url, headers }) => [url, headers['x-consul-token']]), [0, 17, 23, 0, 9].map(index => [`/v1/health/service/shop?passing=true&wait=5m&index=${index}`, 'secret']))
  found.clock.advance(329_000)
  t.match(found.discovery.snapshot(), { failures: 0 }, 'five minutes are not too long')
})

// ---- one's own ------------------------------------------------------------------------------------------------------------

t.test('one\'s own: whatever emits its changes', async t => {
  const { emitted } = await recipe(t, 'own.js')
  const registry = Object.assign(new EventEmitter(), { targets: ['http://10.0.0.1'] })
  const found = discovering(t, emitted(registry))
  await found.has('http://10.0.0.1')
  await until(() => registry.listenerCount('change') === 1, 'somebody who listens')
  registry.emit('change', ['http://10.0.0.2'])
  await found.has('http://10.0.0.2')
  found.discovery.close()
  await until(() => registry.listenerCount('change') === 0, 'the end')
  t.strictSame(found.lines, [])
})
