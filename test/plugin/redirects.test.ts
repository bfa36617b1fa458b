import t from 'tap'
import { startGateway, startTarget } from '../helpers/servers.js'
import { mapBack, mapCookiePaths, type Mapping } from '../../lib/plugin/redirects.js'

const rewrite: Mapping = { origin: 'http://10.0.0.1:3000', from: '/base/v1', to: '/api', host: 'shop.example' }
const root: Mapping = { ...rewrite, from: '', to: '/api' }
const based: Mapping = { ...rewrite, from: '/base', to: '' }
const plain: Mapping = { ...rewrite, from: '', to: '' }
const secure: Mapping = { ...plain, origin: 'https://inner' }

t.test('Location names the gateway’s address, byte for byte but for that', async t => {
  for (const [mapping, said, heard] of [
    [rewrite, 'http://10.0.0.1:3000/base/v1/orders/5?a=%2F#x', '/api/orders/5?a=%2F#x'],
    [rewrite, 'http://10.0.0.1:3000/base/v1', '/api'],
    [rewrite, '/base/v1/orders', '/api/orders'],
    [rewrite, '/base/v1?page=2', '/api?page=2'],
    [rewrite, '/base/v10/orders', '/base/v10/orders'],
    [rewrite, '//10.0.0.1:3000/base/v1/x', '/api/x'],
    [rewrite, 'HTTP://10.0.0.1:3000/base/v1/x', '/api/x'],
    [rewrite, 'http://shop.example/base/v1/x', 'http://shop.example/api/x'],
    [rewrite, 'https://Shop.Example/base/v1/x', 'https://Shop.Example/api/x'],
    [rewrite, 'http://10.0.0.1:3000/elsewhere', '/elsewhere'],
    [rewrite, 'https://login.example/base/v1/x', 'https://login.example/base/v1/x'],
    [rewrite, 'http://10.0.0.1:3001/base/v1', 'http://10.0.0.1:3001/base/v1'],
    [rewrite, 'orders/6', 'orders/6'],
    [rewrite, '?page=2', '?page=2'],
    [rewrite, 'mailto:a@b.example', 'mailto:a@b.example'],
    [rewrite, 'http://[bad/base/v1', 'http://[bad/base/v1'],
    [rewrite, '', ''],
    [root, '/x', '/api/x'],
    [root, 'http://10.0.0.1:3000', '/api/'],
    [based, '/base', '/'],
    [based, '/base/x', '/x'],
    [plain, 'http://10.0.0.1:3000', '/'],
    [plain, 'http://10.0.0.1:3000?a=b', '/?a=b'],
    [plain, '/x', '/x'],
    [secure, 'https://inner:443/x', '/x'],
    [secure, 'http://inner/x', 'http://inner/x']
  ] as const) {
    const headers = { location: said }
    mapBack(headers, () => mapping)
    t.equal(headers.location, heard, said)
  }
})

t.test('so do Content-Location and Refresh, and each of two values', async t => {
  const headers = { location: ['/base/v1/a', '/base/v1/b'], 'content-location': '/base/v1/c', refresh: '5; url="http://10.0.0.1:3000/base/v1/d"' }
  mapBack(headers, () => rewrite)
  t.strictSame(headers, { location: ['/api/a', '/api/b'], 'content-location': '/api/c', refresh: '5; url="/api/d"' })
  const now = { refresh: '5' }
  mapBack(now, () => rewrite)
  t.equal(now.refresh, '5')
})

t.test('a prefix in any letters, or with parameters, is what the client has asked for', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.writeHead(302, { location: '/v1/login', 'set-cookie': 'a=1; Path=/v1' }).end() })
  const { app } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], headers: { cookiePath: true } } },
    routes: { '/日本': { upstream: 'shop', rewritePrefix: '/v1' }, '/:tenant/api': { upstream: 'shop', rewritePrefix: '/v1' } }
  })
  for (const prefix of [encodeURI('/日本'), '/acme/api']) {
    const { statusCode, headers } = await app.inject(`${prefix}/x`)
    t.strictSame([statusCode, headers.location, String(headers['set-cookie'])], [302, `${prefix}/login`, `a=1; Path=${prefix}`])
    t.equal(target.seen.at(-1)!.headers['x-forwarded-prefix'], prefix)
  }
})

t.test('paths of cookies', async t => {
  const headers = { 'set-cookie': ['a=1; Path=/base/v1/x; HttpOnly', 'b=path=/base/v1; path = /base/v1', 'c=3; Path=/'] }
  mapCookiePaths(headers, rewrite)
  t.strictSame(headers['set-cookie'], ['a=1; Path=/api/x; HttpOnly', 'b=path=/base/v1; path = /api', 'c=3; Path=/'])
  const none = {}
  mapCookiePaths(none, rewrite)
  t.strictSame(none, {})
})

t.test('an authority that is longer than any is not looked at', async t => {
  const location = `http://${'a'.repeat(1_100)}@10.0.0.1:3000/base/v1/a`
  const headers = { location }
  mapBack(headers, () => rewrite)
  t.strictSame(headers, { location })
})
