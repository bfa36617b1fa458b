/** A configuration that changes while clients are served: none of them notices. */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'
import t from 'tap'
import { selfSigned } from '../helpers/certificates.js'
import { startTarget, type Ending } from '../helpers/servers.js'
import { get, startApp, until, workersOf, type App } from './helper.js'

interface Reloadable extends App {
  url: string
  /** Writes the file as a careful editor does: whole, and then in the place of the old one. */
  write: (config: object | string) => void
  /** The folder of the file. */
  dir: string
}

async function startFrom (t: Ending & { testdir: (fixture: Record<string, string>) => string }, config: object, files: Record<string, string> = {}): Promise<Reloadable> {
  const text = (config: object | string): string => typeof config === 'string' ? config : JSON.stringify({ listen: { port: 0 }, ...config })
  const dir = t.testdir({ 'gateway.json': text(config), ...files })
  const app = startApp(t, [`${dir}/gateway.json`])
  await app.says(/"the gateway is listening"/)
  return {
    ...app,
    dir,
    url: app.log('the gateway is listening')[0]!.address as string,
    write: config => {
      writeFileSync(`${dir}/next`, text(config))
      renameSync(`${dir}/next`, `${dir}/gateway.json`)
    }
  }
}

/** Processes that the gateway has started, and that have not ended. */
function children ({ child: { pid } }: App): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').slice(0, -1)
}

interface Load { served: () => number, faults: string[], stop: () => Promise<void> }

/** Clients that ask for one thing after the other on connections that they keep, and what went wrong for them. */
function startLoad (url: string, clients: number): Load {
  const load = { going: true }
  let served = 0
  const faults: string[] = []
  const loops = Array.from({ length: clients }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (load.going) {
      try {
        const asking = request(url, { agent })
        asking.end()
        const [response] = await once(asking, 'response')
        for await (const chunk of response) void chunk
        if (response.statusCode === 200) served++
        else faults.push(`status ${response.statusCode}`)
      } catch (error) {
        faults.push((error as Error).message)
      }
    }
    agent.destroy()
  })
  return { served: () => served, faults, stop: async () => { load.going = false; await Promise.all(loops) } }
}

/** So many more requests have been served. */
async function more (load: Load, count: number): Promise<void> {
  const goal = load.served() + count
  await until(`${count} more requests are served`, () => load.served() >= goal)
}

t.test('targets in place, routes by other workers, nonsense not at all; and no client sees an error', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const shop = (...targets: object[]): object => ({ workers: 2, upstreams: { shop: { targets } }, routes: { '/': 'shop' } })
  const app = await startFrom(t, shop({ id: 'a', url: a.url }))
  const load = startLoad(app.url, 4)
  await more(load, 50)

  app.write(shop({ id: 'b', url: b.url }))
  await until('it is reloaded', () => app.log('reloaded: in place').length === 1)
  t.match(app.log('reloaded: in place'), [{ upstreams: ['shop'] }])
  t.equal((await get(app.url)).body, 'b')
  t.equal(workersOf(app).length, 2, 'by the workers that were there')
  await more(load, 50)

  app.write({ workers: 3, upstreams: { shop: { targets: [a.url], policy: 'random' } }, routes: { '/': 'shop', '/x': { upstream: 'shop', rewritePrefix: '/y' } } })
  await until('other workers serve', () => app.log('reloaded: other workers serve').length === 1)
  t.equal(workersOf(app).length, 5)
  await get(`${app.url}/x/1`)
  t.ok(a.seen.some(({ url }) => url === '/y/1'), 'the new route')
  await more(load, 50)

  app.write({ worker: 1, upstreams: { shop: { targets: ['ftp://a'], polici: 'random' } }, routes: { '/': 'shoop' } })
  await until('it is refused', () => app.log('not reloaded: the configuration is as it was').length === 1)
  t.match(app.log('not reloaded: the configuration is as it was'), [{ faults: [/^worker: /, /^upstreams\.shop\.polici: /, /targets\[0\]: expected a url/, /^routes\["\/"\]: no upstream/] }])
  app.write('{ "workers": ')
  await until('that, too', () => app.log('not reloaded: the configuration is as it was').length === 2)
  await more(load, 50)

  await load.stop()
  t.same(load.faults, [])
  t.same(app.log('a worker died'), [], 'those that left are not missed')
  app.child.kill('SIGTERM')
  t.same(await app.exited, { code: 0, signal: null })
})

t.test('a worker dies while others take the place of all: there are as many as there are to be', async t => {
  const { url } = await startTarget(t, 'a')
  const config = (policy: string): object => ({ workers: 2, upstreams: { shop: { targets: [url], policy } }, routes: { '/': 'shop' } })
  const app = await startFrom(t, config('random'))
  process.kill(workersOf(app)[0]!, 'SIGKILL')
  await until('that is noticed, and another begins to start', () => app.log('a worker died').length === 1)
  app.write(config('first'))
  process.kill(app.child.pid!, 'SIGHUP')
  await until('other workers serve', () => app.log('reloaded: other workers serve').length === 1)
  await until('it has come to listen, too', () => workersOf(app).length === 5)
  await until('two are left', () => children(app).length === 2)
  t.equal((await get(app.url)).body, 'a')
})

t.test('another address', async t => {
  const target = await startTarget(t, 'a')
  const config = { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }
  const app = await startFrom(t, config)
  const taken = new URL(target.url).port
  app.write({ listen: { port: Number(taken) }, ...config })
  await until('it is refused', () => app.log('not reloaded: the configuration is as it was').length === 1)
  t.match(app.log('not reloaded: the configuration is as it was'), [{ faults: [/port \d+ is taken/] }])
  t.equal((await get(app.url)).status, 200, 'the old address serves on')

  app.write({ listen: { host: '127.0.0.2', port: 0 }, ...config })
  await until('other workers serve', () => app.log('reloaded: other workers serve').length === 1)
  // The workers write to the log by themselves: their lines may come after that of the primary.
  await until('they listen there', () => app.log().some(({ msg }) => msg.startsWith('Server listening at http://127.0.0.2:')))
  t.equal(app.log('reloaded: other workers serve').length, 1, 'once')
})

t.test('SIGHUP reads the file, and says again what is wrong with it', async t => {
  const app = await startFrom(t, {})
  app.write({ workers: 0 })
  const refused = (): unknown[] => app.log('not reloaded: the configuration is as it was')
  await until('it is refused', () => refused().length === 1)
  app.child.kill('SIGHUP')
  await until('it is refused again', () => refused().length === 2)
  t.notOk(app.log().some(({ msg }) => msg.startsWith('stopping')), 'and nothing else')
  t.equal((await get(app.url)).status, 404, 'it serves')
  app.child.kill('SIGTERM')
  t.same(await app.exited, { code: 0, signal: null })
  t.match(app.log().find(({ msg }) => msg.startsWith('stopping')), { signal: 'SIGTERM' })
})

t.test('SIGHUP while it starts does not end it', async t => {
  const app = startApp(t, [`${t.testdir({ 'gateway.json': '{ "listen": { "port": 0 } }' })}/gateway.json`])
  await until('it has begun to start a worker', () => children(app).length === 1)
  app.child.kill('SIGHUP')
  await app.says(/"the gateway is listening"/)
})

t.test('a certificate that is renewed', async t => {
  const [old, next] = [selfSigned(t.testdir()), selfSigned(t.testdir())]
  const app = await startFrom(t, { tls: { cert: 'cert.pem', key: 'key.pem' } }, { 'cert.pem': old.cert, 'key.pem': old.key })
  const { port } = new URL(app.url)
  t.match(app.url, /^https:/)
  const shown = async (): Promise<string> => {
    const socket = connectTls({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { fingerprint256 } = socket.getPeerX509Certificate()!
    socket.destroy()
    return fingerprint256
  }
  const before = await shown()
  const [, dir] = /(.*)\/gateway\.json$/.exec(app.child.spawnargs.at(-1)!)!
  writeFileSync(`${dir}/key.pem`, next.key)
  writeFileSync(`${dir}/cert.pem`, next.cert)
  await until('it is taken over', () => app.log('reloaded: in place').length === 1)
  t.not(await shown(), before)
  t.equal(workersOf(app).length, 1)
})

t.test('a log file that is written to all the time in the folder of the configuration does not hold up a reload', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const config = (url: string): object => ({ upstreams: { shop: { targets: [url] } }, routes: { '/': 'shop' } })
  const app = await startFrom(t, config(a.url), { 'gateway.log': '' })
  // More often than the folder has to be still for.
  const writing = setInterval(() => { appendFileSync(`${app.dir}/gateway.log`, 'a line\n') }, 50)
  t.teardown(() => { clearInterval(writing) })
  const from = performance.now()
  app.write(config(b.url))
  await until('the other target serves', async () => (await get(app.url)).body === 'b')
  t.ok(performance.now() - from < 9_000, 'not only with the next look at the file, which is every 10 s')
})
