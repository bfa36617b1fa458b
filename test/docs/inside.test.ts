/** What docs/inside.md names is there. */
import t from 'tap'
import { existsSync, readFileSync } from 'node:fs'

t.test('every file and folder it names exists', async t => {
  const text = readFileSync('docs/inside.md', 'utf8')
  const named = [...text.matchAll(/\b(?:lib\/)?((?:plugin|engine|balancing|operations|discovery|sharing|health)\/[\w/.-]*|errors\.ts|index\.ts)/g)].map(([, path]) => path!)
  t.ok(named.length > 20)
  t.strictSame(named.filter(path => !existsSync(`lib/${path}`)), [])
})
