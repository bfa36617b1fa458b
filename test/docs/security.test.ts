/** docs/security.md as it is written. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { attacks } from '../abuse/attacks/index.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/security.md')

t.test('a gateway with the limits of the page serves', async t => {
  const { get, upstream } = await guide.play(t, 'requestTimeout: 120_000')
  t.match(await get('/'), /^10\.0\.0\.[12]$/)
  t.match(upstream().settings, { limits: { maxRequests: 200 }, timeouts: { total: 60_000 } })
})

t.test('the table has every attack', async t => {
  const text = readFileSync('docs/security.md', 'utf8')
  for (const { name } of attacks) t.match(text, `| \`${name}\` |`)
})

guide.complete(t)
