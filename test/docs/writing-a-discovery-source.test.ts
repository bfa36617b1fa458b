/** docs/writing-a-discovery-source.md as it is written. */
import t from 'tap'
import { startTarget } from '../helpers/targets.js'
import { until } from '../helpers/wait.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/writing-a-discovery-source.md')

t.test('targets come from a table, and follow it', async t => {
  const { module } = await guide.play(t, 'interface Database', { listens: false, places: { '5_000': '5' } })
  const targets = await Promise.all(['a', 'b'].map(async name => await startTarget(t, name)))
  let rows: object[] = []
  const row = (i: number): object => ({ name: targets[i]!.name, host: '127.0.0.1', port: targets[i]!.port, weight: 1 })
  rows = [row(0)]
  const database = { query: async (sql: string, values: unknown[]) => { asked = [sql, ...values]; return rows } }
  let asked: unknown[] = []
  const { get, upstream } = await guide.play(t, 'discovery: fromTable', { given: { database, fromTable: module.fromTable } })
  t.equal(await get(), 'a')
  t.match(asked, [/where service = \$1/, 'shop'])
  rows = [row(1)]
  await until(() => upstream().targets.has('b') && !upstream().targets.has('a'), 'the change')
  t.equal(await get(), 'b')
})

guide.complete(t)
