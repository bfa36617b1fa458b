/** docs/testing.md as it is written. */
import t from 'tap'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/testing.md')

t.test('a gateway in a function serves the targets of a test', async t => {
  const said: unknown[][] = []
  await guide.play(t, 'const target = Fastify()', { with: ['export async function buildGateway'], listens: false, given: { console: { log: (...words: unknown[]) => { said.push(words) } } } })
  t.strictSame(said, [[200, 'hello']])
})

guide.complete(t)
