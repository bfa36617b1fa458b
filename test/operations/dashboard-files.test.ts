/** The dashboard as it is served; what it does is in `dashboard.test.ts`, with a browser. */
import t from 'tap'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { startGateway } from '../helpers/servers.js'
import { ROOT } from '../helpers/root.js'

const PAGE = 'lib/operations/dashboard/page'

t.test('the page and its files, with headers that leave no way in', async t => {
  const { url } = await startGateway(t, { admin: { authorize: 'loopback' } })
  const TYPES: Record<string, string> = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' }
  for (const name of readdirSync(`${ROOT}${PAGE}`)) {
    const answer = await fetch(`${url}/lb/${name === 'index.html' ? '' : name}`)
    t.equal(await answer.text(), readFileSync(`${ROOT}${PAGE}/${name}`, 'utf8'), name)
    t.match(Object.fromEntries(answer.headers), {
      'content-type': TYPES[name.split('.').at(-1)!],
      'content-security-policy': /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'.*require-trusted-types-for 'script'/,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer'
    })
    t.notMatch(answer.headers.get('content-security-policy'), /unsafe|https?:|\*/)
  }
  const bare = await fetch(`${url}/lb?x`, { redirect: 'manual' })
  t.match([bare.status, bare.headers.get('location')], [302, 'lb/'])
  t.equal((await fetch(`${url}/lb`)).status, 200)
})

t.test('nothing in it is inline, and nothing comes from elsewhere', async t => {
  for (const name of readdirSync(`${ROOT}${PAGE}`)) {
    const text = readFileSync(`${ROOT}${PAGE}/${name}`, 'utf8')
    t.notMatch(text, /\bstyle=|\son\w+=|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/, name)
    t.notMatch(text.replace('http://www.w3.org/2000/svg', ''), /https?:\/\/|url\(|@import/, name)
  }
})

t.test('its files are in the package', async t => {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' })) as [{ files: Array<{ path: string }> }]
  const packed = new Set(files.map(({ path }) => path))
  for (const name of readdirSync(`${ROOT}${PAGE}`)) t.ok(packed.has(`dist/${PAGE}/${name}`), name)
})
