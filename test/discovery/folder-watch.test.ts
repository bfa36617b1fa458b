/** Watching a folder where that is not easy. */
import t from 'tap'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FolderWatch } from '../../lib/discovery/folder-watch.js'
import { until } from '../helpers/wait.js'

t.test('a folder that cannot be watched is watched once it can be', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-load-balancer-'))
  let changes = 0
  const watch = new FolderWatch(folder, () => { changes++ })
  t.teardown(() => {
    watch.close()
    rmSync(folder, { recursive: true })
  })
  // It may be entered, but not read: unless by root, who is nobody for a moment.
  chmodSync(folder, 0o311)
  const root = process.geteuid!() === 0
  if (root) process.seteuid!(65_534)
  try {
    await watch.renew()
  } finally {
    if (root) process.seteuid!(0)
  }
  chmodSync(folder, 0o755)
  await watch.renew()
  writeFileSync(join(folder, 'a'), '')
  await until(() => changes > 0, 'the change')
})

t.test('a folder that is not there is none to watch', async t => {
  const watch = new FolderWatch(join(t.testdir(), 'nowhere'), () => {})
  await watch.renew()
  watch.close()
})
