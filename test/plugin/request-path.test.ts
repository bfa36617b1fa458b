import t from 'tap'
import { originForm, ownPath, prefixIn, targetPath } from '../../lib/plugin/request-path.js'

const bad = { code: 'FST_LB_BAD_REQUEST', statusCode: 400 }

t.test('the path stays as it is, byte for byte', async t => {
  for (const url of ['/shop', '/shop/', '/shop//x', '/shop/a%2Fb', '/shop/%zz', '/shop/a?b=/../c', '/shop/...', '/shop/a..b', '/shop/%2e%2e%2e', '/shop/a/../b', '/shop/./a', '/shop/a/%2E%2e/b', '/shop/a;b=../c', '/shop/a/..;/b', '/shop/.;/a']) {
    t.equal(targetPath(url, { prefix: '/shop', rewritePrefix: undefined }), url)
  }
})

t.test('a path that climbs out of its prefix is refused, however it is written', async t => {
  for (const url of ['/shop/..', '/shop/../admin', '/shop/a/../../b', '/shop/%2e%2e/x', '/shop/%2E./x', '/shop/..%2fx', '/shop/..%5Cx', '/shop/..\\x', '/shop//../../x', '/../shop', '/shop/a/..//../..?x', '/shop/..;/x', '/shop/..;a=b/x', '/shop/%2e.%3Bx/y']) {
    t.throws(() => targetPath(url, { prefix: '/shop', rewritePrefix: undefined }), bad, url)
  }
  t.equal(targetPath('/a/../b', { prefix: '', rewritePrefix: undefined }), '/a/../b', 'within the root, the target may make of it what it wants')
  t.throws(() => targetPath('/a/../../b', { prefix: '', rewritePrefix: undefined }), bad)
})

t.test('an absolute form that names this server is its path; what is no path is refused', async t => {
  for (const [url, path] of [['/x', '/x'], ['http://here', '/'], ['HTTP://HERE/x?y', '/x?y'], ['https://here?y', '/?y']] as const) t.equal(originForm(url, 'here'), path)
  for (const url of ['http://elsewhere/x', 'http://here@elsewhere/', 'http://here?y/x', '*', '', 'x', 'here:80', '/x#', '/x#/../y', '/x?y#z', 'http://here/x#']) t.throws(() => originForm(url, 'here'), bad, url)
  t.throws(() => originForm('http://here/', undefined), bad)
})

t.test('a prefix is replaced', async t => {
  const cases: Array<[string, string, string, string]> = [
    // prefix, replacement, url, result
    ['/api', '/v1', '/api', '/v1'],
    ['/api', '/v1/', '/api', '/v1'],
    ['/api', '/v1/', '/api/x', '/v1/x'],
    ['/api', '', '/api', '/'],
    ['/api', '/', '/api/x?y', '/x?y'],
    ['/api', '', '/api?y', '/?y'],
    ['', '/v1', '/x', '/v1/x'],
    ['/api/two', '/v1', '/%61pi//two/x%2Fy', '/v1/x%2Fy'],
    ['/api', '/v1', '/API/x', '/v1/x']
  ]
  for (const [prefix, rewritePrefix, url, result] of cases) t.equal(targetPath(url, { prefix, rewritePrefix }), result, url)
})

t.test('the prefix is what the client has written for it', async t => {
  for (const [prefix, url, written] of [
    ['/api', '/api/x', '/api'],
    ['/api', '/API/x', '/API'],
    ['/日本', '/%E6%97%A5%E6%9C%AC?x', '/%E6%97%A5%E6%9C%AC'],
    ['/:tenant/api', '/acme/api/x', '/acme/api'],
    ['/:tenant/api', '//evil.example//api', '/evil.example/api'],
    ['/:tenant/api', '/\\evil.example/api', '/%5Cevil.example/api'],
    ['/:tenant/api', '/a;Domain=example/api', '/a%3BDomain=example/api'],
    ['', '/x', '']
  ] as const) t.equal(prefixIn(url, prefix), written, url)
})

t.test('a path of the caller’s own keeps the query of the request where it has none', async t => {
  t.equal(ownPath('/x', '/y?z=1'), '/x?z=1')
  t.equal(ownPath('/x?a=1', '/y?z=1'), '/x?a=1')
  t.equal(ownPath('/x', '/y'), '/x')
  t.throws(() => ownPath('x', '/y'), bad)
})
