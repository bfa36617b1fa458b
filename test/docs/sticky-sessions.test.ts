/** docs/sticky-sessions.md as it is written. */
import t from 'tap'
import { Browser } from '../helpers/browser.js'
import { chat, startSocketIoTarget } from '../helpers/socket-io.js'
import { until } from '../helpers/wait.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/sticky-sessions.md')
process.env.LB_SECRET = 'sixteen or more characters'
process.env.LB_SECRET_OLD = 'another of sixteen or more'

t.test('whoever keeps the cookie keeps the target; in drain, too, but not in maintenance', async t => {
  const { app, url, upstream, targets } = await guide.play(t, 'affinity: { cookie: { secret: process.env.LB_SECRET } }\n    }\n  },\n  routes: { \'/\'')
  const [a] = upstream().targets.keys()
  const browsers = Array.from({ length: 6 }, () => new Browser(url))
  const firsts = await Promise.all(browsers.map(async browser => (await browser.get()).target))
  t.same([...new Set(firsts)].sort(), ['10.0.0.1', '10.0.0.2'])
  const all = async (): Promise<unknown[]> => await Promise.all(browsers.map(async browser => (await browser.get()).target))
  t.strictSame(await all(), firsts)
  t.notOk(targets.get('10.0.0.1')!.seen.some(({ headers }) => headers.cookie?.includes('lb_shop')), 'the application does not see it')
  const states: string[] = []
  upstream().on('target:changed', ({ target }) => { states.push(upstream().targets.get(target)!.state) })
  upstream().update(a!, { state: 'drain' })
  t.strictSame(await all(), firsts)
  await guide.play(t, '// … when its clients have gone', { given: { app }, listens: false, places: { 'http://10.0.0.1:3000': a! } })
  t.strictSame(states, ['drain', 'drain', 'maintenance', 'ready'])
  upstream().update(a!, { state: 'maintenance' })
  t.strictSame(await all(), firsts.map(() => '10.0.0.2'))
})

t.test('a cookie with all there is', async t => {
  const { url } = await guide.play(t, 'LB_SECRET_OLD')
  const cookie = (await fetch(`${url}/shop`)).headers.get('set-cookie')
  t.match(cookie, /^shop-server=[\w.-]+; Max-Age=86400; Domain=example.com; Path=\/shop; HttpOnly; Secure; Partitioned; Priority=Low; SameSite=None$/)
})

t.test('sessions of the application are learnt', async t => {
  let id = 0
  const { url } = await guide.play(t, 'connect.sid', {
    targets: { '*': ({ headers }, _request, response) => { response.setHeader('set-cookie', headers.cookie === undefined ? `connect.sid=s${id++}` : []).end() } }
  })
  for (let client = 0; client < 4; client++) {
    const first = await fetch(url)
    const cookie = first.headers.get('set-cookie')!
    for (let i = 0; i < 3; i++) t.equal((await fetch(url, { headers: { cookie } })).headers.get('x-target'), first.headers.get('x-target'))
  }
})

t.test('socket.io, by polling alone', async t => {
  const servers = [await startSocketIoTarget(t, 'a'), await startSocketIoTarget(t, 'b')]
  const { url } = await guide.play(t, "'/socket.io': 'chat'", { places: { 'http://10.0.0.1:3000': servers[0]!.url, 'http://10.0.0.2:3000': servers[1]!.url } })
  const client = chat(t, url, { transports: ['polling'], withCredentials: true })
  client.socket.connect()
  await until(() => client.welcomes.length === 1, 'it is welcome')
  for (let i = 0; i < 4; i++) t.equal(await client.say(i), client.welcomes[0])
})

guide.complete(t)
