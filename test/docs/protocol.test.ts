/** docs/protocol.md as it is written. */
import t from 'tap'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/protocol.md')

t.test('the target sees the user that a hook has set, whatever the client sends', async t => {
  const seen: unknown[] = []
  const { url } = await guide.play(t, "request.headers['x-user']", {
    targets: { '*': (request, _raw, response) => { seen.push(request.headers['x-user']); response.end('ok') } }
  })
  for (const headers of [{}, { 'x-user': 'admin' }, { x_user: 'admin' }]) t.equal((await fetch(url, { headers })).status, 200)
  t.strictSame(seen, ['guest', 'guest', 'guest'])
})

guide.complete(t)
