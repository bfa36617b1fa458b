/** docs/many-cores.md as it is written, in processes of its own. */
import t from 'tap'
import { startTarget } from '../helpers/targets.js'
import { Guide } from './harness/guide.js'
import { startWorkers } from './harness/workers.js'

const guide = new Guide('docs/many-cores.md')

t.test('workers share a port and a secret: whoever answers, a client keeps its target', async t => {
  const targets = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const { urls } = await startWorkers(t, guide.file(t, '// gateway.js', {
    'http://10.0.0.1:3000': targets[0]!.url,
    'http://10.0.0.2:3000': targets[1]!.url,
    'availableParallelism()': '2'
  }), 2)
  const [url] = urls.values()
  const first = await fetch(url!, { headers: { connection: 'close' } })
  const cookie = first.headers.get('set-cookie')!.split(';', 1)[0]!
  for (let i = 0; i < 6; i++) {
    const answer = await fetch(url!, { headers: { cookie, connection: 'close' } })
    t.equal(answer.headers.get('x-target'), first.headers.get('x-target'))
    t.equal(answer.headers.get('set-cookie'), null)
  }
})

guide.complete(t)
