/** Workers of one node:cluster: real processes, whose primary is this test. */
import t from 'tap'
import nodeCluster from 'node:cluster'
import client from 'prom-client'
import { cluster, clusterPrimary } from '../../lib/index.js'
import { startTarget } from '../helpers/servers.js'
import { sharingGateway } from '../helpers/sharing.js'
import { until } from '../helpers/wait.js'
import { TestWorker, workersHave } from '../helpers/workers.js'

const A = { id: 'a', url: 'http://10.0.0.1' }

t.test('without clusterPrimary() a worker works alone, and says why; once it is called, they meet', async t => {
  const early = await TestWorker.start(t, [A], { prefix: 'early' })
  await early.update('a', { weight: 3 })
  t.match(await early.shared(), { up: false, lastError: 'no answer from the primary: it has to call clusterPrimary()' })
  t.equal((await early.warnings()).filter(line => line.startsWith('the shared store cannot be reached')).length, 1)
  const end = clusterPrimary()
  t.equal(clusterPrimary(), end, 'a second call changes nothing')
  let up = false
  await until(() => {
    void early.shared().then(shared => { up = shared.up === true })
    return up
  }, 'they meet')
  t.strictSame(await early.store(), { kept: 'here' }, 'a store by itself')
  end()
})

t.test('where there is no cluster, there is nobody to share with', async t => {
  const { store } = cluster()
  await store.put('key', 'value')
  t.strictSame([await store.held(), await store.recall('key')], [{}, null])
})

t.test('workers', async t => {
  t.teardown(clusterPrimary())
  // What else is said between them is left alone.
  const own: unknown[] = []
  nodeCluster.on('message', (_worker, message: unknown) => { if (message === 'ready') own.push(message) })
  const targets = await Promise.all(['a', 'b'].map(name => startTarget(t, name)))
  const list = targets.map(({ name, url }) => ({ id: name, url }))
  const [one, two] = await Promise.all([TestWorker.start(t, list), TestWorker.start(t, list)])

  t.test('what is changed on one is seen on the other', async t => {
    await one.update('a', { state: 'drain' })
    await workersHave([one, two], 'a drain 1, b ready 1')
    await two.update('a', { state: 'ready', weight: 2 })
    await workersHave([one, two], 'a ready 2, b ready 1')
    t.strictSame(own, ['ready', 'ready'])
    t.equal(await one.primary(), 'clusterPrimary(): expected to be called in the primary, got a worker')
  })

  t.test('a cookie of one means the same to the other', async t => {
    const first = await fetch(await one.url())
    const cookie = first.headers.get('set-cookie')!.split(';', 1)[0]!
    for (let i = 0; i < 4; i++) {
      const answer = await fetch(await two.url(), { headers: { cookie } })
      t.equal(answer.headers.get('x-target'), first.headers.get('x-target'))
      t.equal(answer.headers.get('set-cookie'), null)
    }
    t.strictSame([...await one.warnings(), ...await two.warnings()], [], 'nobody warns of a missing secret')
  })

  t.test('their metrics add up', async t => {
    const registry = new client.AggregatorRegistry()
    const text = await registry.clusterMetrics()
    t.match(text, /^fastify_lb_requests_total\{.*result="2xx".*\} 5$/m)
    t.match(text, /^fastify_lb_shared_up 1$/m)
  })

  t.test('one that dies takes nothing along; one that comes later has it all', async t => {
    await one.update('b', { weight: 7 })
    await workersHave([two], 'a ready 2, b ready 7')
    await one.kill()
    await two.kill()
    const three = await TestWorker.start(t, list)
    t.equal(await three.state(), 'a ready 2, b ready 7', 'as soon as it listens')
  })

  t.test('two stores of one worker each get their own replies', async t => {
    const worker = await TestWorker.start(t, list)
    t.strictSame(await worker.twoStores(), ['string', {}])
  })

  t.test('two gateways of one worker with the same prefix understand each other\'s cookies', async t => {
    const worker = await TestWorker.start(t, list)
    t.strictSame(await worker.twoScopes(), [null, null])
  })

  t.test('what comes in the form of our messages and is none is nothing', async t => {
    const worker = await TestWorker.start(t, list)
    const mark = 'fastify-load-balancer'
    for (const message of [{ [mark]: 3 }, { [mark]: { space: 'fastify-lb', answers: 99, value: 1 } }, { [mark]: { space: 'other', heard: 'x' } }, { [mark]: { space: 'fastify-lb', heard: 'x' } }]) worker.worker.send(message)
    t.equal(await worker.state(), 'a ready 2, b ready 7')
  })
})

t.test('a session that one has learned is known to the other', async t => {
  t.teardown(clusterPrimary())
  const targets = await Promise.all(['a', 'b', 'c', 'd'].map(name => startTarget(t, name)))
  const list = targets.map(({ name, url }) => ({ id: name, url }))
  const affinity = { session: { header: 'x-session' } }
  const [one, two] = await Promise.all([TestWorker.start(t, list, {}, affinity), TestWorker.start(t, list, {}, affinity)])
  const ask = async (worker: TestWorker, session: string): Promise<string> => (await fetch(await worker.url(), { headers: { 'x-session': session } })).text()
  // On a machine that has much to do, a look-up may take too long.
  for (let i = 0; (await two.shared()).sessions.found < 3 && i < 50; i++) {
    const { found } = (await two.shared()).sessions
    const [first, second] = [await ask(one, `s${i}`), await ask(two, `s${i}`)]
    if ((await two.shared()).sessions.found > found) t.equal(second, first)
  }
  t.match(await two.shared(), { sessions: { found: 3 } })
})

t.test('the primary: spaces of their own, so many sessions, for so long; what it does not know it passes over', async t => {
  t.teardown(clusterPrimary({ sessions: 2 }))
  const mark = 'fastify-load-balancer'
  const heard: unknown[] = []
  // What the primary sees of a worker.
  const worker = (connected = true): object => ({ isConnected: () => connected, send: (message: Record<string, object>) => { heard.push(message[mark]) } })
  const asker = worker()
  const ask = (space: string, deed: string, ...words: string[]): unknown => {
    heard.length = 0
    nodeCluster.emit('message', asker, { [mark]: { space, number: 7, deed, words } })
    return heard.length === 0 ? 'nothing' : (heard[0] as { value: unknown }).value
  }
  for (const key of ['s1', 's2', 's3']) ask('one', 'remember', key, 'a', '60000')
  ask('two', 'remember', 's4', 'a', '0')
  t.strictSame(['s1', 's2', 's3'].map(key => ask('one', 'recall', key)), [null, 'a', 'a'])
  t.equal(ask('two', 'recall', 's3'), null)
  t.equal(ask('two', 'recall', 's4'), null, 'it is over')
  ask('one', 'put', 'x', '1')
  t.strictSame([ask('one', 'held'), ask('two', 'held')], [{ x: '1' }, {}])
  ask('one', 'drop', 'x')
  t.strictSame(ask('one', 'held'), {})
  t.equal(ask('one', 'toString'), 'nothing')
  nodeCluster.emit('message', worker(false), { [mark]: { space: 'one', number: 1, deed: 'open', words: [] } })
  const other = worker()
  nodeCluster.emit('message', other, { [mark]: { space: 'one', number: 1, deed: 'open', words: [] } })
  ask('one', 'publish', 'hello')
  t.strictSame(heard.slice(1), [{ space: 'one', heard: 'hello' }])
  nodeCluster.emit('message', other, { [mark]: { space: 'one', number: 1, deed: 'close', words: [] } })
  ask('one', 'publish', 'hello')
  t.equal(heard.length, 1)
})

t.test('workers with other options take the place of those before', async t => {
  t.teardown(clusterPrimary())
  const old = await TestWorker.start(t, [A], { generation: 'old' })
  await old.update('a', { state: 'drain', weight: 5 })
  const next = await TestWorker.start(t, [{ ...A, weight: 3 }, { id: 'b', url: 'http://10.0.0.2' }], { generation: 'next' })
  t.equal(await next.state(), 'a ready 3, b ready 1', 'they begin with their options')
  await next.update('b', { state: 'drain' })
  const beside = await TestWorker.start(t, [A], { generation: 'old' })
  await workersHave([beside, old], 'a drain 5')
  await old.end()
  await beside.end()
  await next.kill()
  const later = await TestWorker.start(t, [A, { id: 'b', url: 'http://10.0.0.2' }], { generation: 'next' })
  t.equal(await later.state(), 'a ready 1, b drain 1', 'all of theirs had died, and nothing is lost')
  const again = await TestWorker.start(t, [A], { generation: 'old' })
  t.equal(await again.state(), 'a ready 1', 'what those before had changed is forgotten')
})

t.test('the primary: what a generation has changed, until a later one has workers and it has none; sessions and the secret are everybody\'s', async t => {
  t.teardown(clusterPrimary())
  const mark = 'fastify-load-balancer'
  const starts = (generation: string): { ask: (deed: string, ...words: string[]) => unknown, heard: unknown[], end: () => void } => {
    const heard: unknown[] = []
    const worker = { isConnected: () => true, send: (message: Record<string, object>) => { heard.push(message[mark]) } }
    return {
      heard,
      ask: (deed, ...words) => {
        nodeCluster.emit('message', worker, { [mark]: { space: 's', generation, number: 7, deed, words } })
        return (heard.pop() as { value: unknown }).value
      },
      end: () => { nodeCluster.emit('exit', worker) }
    }
  }
  const one = starts('1')
  one.ask('put', 'x', '1')
  one.ask('remember', 'session', 'a', '60000')
  const two = starts('2')
  t.strictSame(two.ask('held'), {})
  t.equal(two.ask('recall', 'session'), 'a')
  t.equal(two.ask('secret'), one.ask('secret'))
  two.ask('publish', 'hello')
  t.strictSame(one.heard, [])

  two.end()
  one.end()
  t.strictSame(starts('1').ask('held'), { x: '1' }, 'the later one had no workers any more: it could not start, perhaps')
})

t.test('in a process that is no worker, nothing is shared and all else works', async t => {
  const gateway = await sharingGateway(t, cluster({ probes: 'one' }), { targets: [A], affinity: { session: { cookie: 'sid' } } })
  gateway.shop.update('a', { weight: 2 })
  await until(() => gateway.app.upstreams.shared!.up === true, 'it is up')
  t.equal(gateway.state(), 'a ready 2')
})

t.test('wrong options are told', async t => {
  const message = (run: () => unknown): string => {
    try {
      run()
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  t.equal(message(() => cluster({ prefix: '', probes: 'all', generation: 2 } as never)), [
    'shared: cluster(options).prefix: expected a string that is not empty, got "" (string)',
    "shared: cluster(options).probes: expected 'each' or 'one', got \"all\" (string)",
    'shared: cluster(options).generation: expected a string that is not empty, got 2'
  ].join('\n'))
  t.equal(message(() => clusterPrimary({ sessions: 0 })), 'sessions: expected a whole number from 1, got 0')
})
