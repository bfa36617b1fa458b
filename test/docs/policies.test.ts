/** docs/policies.md as it is written. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { policies } from '../../lib/balancing/policies/index.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/policies.md')

t.test('all policies are on the page', async t => {
  const headings = [...readFileSync('docs/policies.md', 'utf8').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!)
  for (const name of Object.keys(policies)) {
    if (name !== 'random' && name !== 'first') t.ok(headings.includes(name), name)
    t.match(readFileSync('docs/policies.md', 'utf8'), `| \`${name}\``)
  }
})

t.test('one option chooses it', async t => {
  const { get, upstream } = await guide.play(t, "policy: 'adaptive'")
  t.match(await get(), /10\.0\.0\.[12]/)
  t.equal(upstream().snapshot().policy, 'adaptive')
})

t.test('adaptive prefers the quicker one', async t => {
  const { get } = await guide.play(t, "name: 'adaptive'", {
    targets: {
      '10.0.0.1': async (_seen, _request, response) => {
        await pause(500)
        response.end('slow')
      }
    }
  })
  const answers = []
  for (let i = 0; i < 20; i++) answers.push(await get())
  t.ok(answers.filter(answer => answer === 'slow').length <= 2, answers.join(' '))
})

t.test('hash: a url is always answered by the same target', async t => {
  const { get } = await guide.play(t, "key: 'url'")
  const first = new Map<string, string>()
  for (let i = 0; i < 40; i++) first.set(`/${i}?x`, await get(`/${i}?x`))
  t.equal(new Set(first.values()).size, 3)
  for (const [path, target] of first) t.equal(await get(path), target)
})

t.test('prequal: a target that is a Fastify server says how it is', async t => {
  const { module } = await guide.play(t, 'prequalTarget', { places: { 3001: '0' }, listens: false, exports: ['target'] })
  const target = module.target as FastifyInstance
  t.teardown(() => target.close())
  const url = target.listeningOrigin
  const response = await fetch(`${url}/shop/hello`)
  t.equal(await response.text(), 'hello')
  t.equal(response.headers.get('x-prequal-in-flight'), '0')
  t.match(response.headers.get('x-prequal-latency'), /^\d+\.\d\d$/)
  t.equal((await fetch(`${url}/prequal`)).status, 204)
})

guide.complete(t)
