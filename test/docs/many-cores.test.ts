/** docs/many-cores.md as it is written, in processes of its own. */
import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { startTarget } from '../helpers/servers.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/many-cores.md')

t.test('workers share a port and a secret: whoever answers, a client keeps its target', async t => {
  const targets = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const file = guide.file(t, '// gateway.js', {
    'http://10.0.0.1:3000': targets[0]!.url,
    'http://10.0.0.2:3000': targets[1]!.url,
    'availableParallelism()': '2'
  })
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    if (child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  })
  const workers = new Set<number>()
  let url = ''
  for await (const line of createInterface(child.stdout)) {
    const { pid, msg } = JSON.parse(line) as { pid: number, msg: string }
    const listening = /listening at (.*)$/.exec(msg)
    if (listening === null) continue
    workers.add(pid)
    url = listening[1]!
    if (workers.size === 2) break
  }
  const first = await fetch(url, { headers: { connection: 'close' } })
  const cookie = first.headers.get('set-cookie')!.split(';', 1)[0]!
  for (let i = 0; i < 6; i++) {
    const answer = await fetch(url, { headers: { cookie, connection: 'close' } })
    t.equal(answer.headers.get('x-target'), first.headers.get('x-target'))
    t.equal(answer.headers.get('set-cookie'), null)
  }
})

guide.complete(t)
