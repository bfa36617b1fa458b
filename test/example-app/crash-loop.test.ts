/** Replacing the dead has an end. */
import t from 'tap'
import { isAlive, startConfigured, threeTargets, until, workersOf } from './helper.js'

t.test('workers that keep dying are not replaced for ever', async t => {
  const app = await startConfigured(t, { workers: 2, ...await threeTargets(t) })
  let killed = 0
  while (app.child.exitCode === null) {
    for (const pid of workersOf(app).slice(killed)) {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
      killed++
    }
    await until('there is another, or the end', () => app.child.exitCode !== null || workersOf(app).length > killed)
  }
  t.same(await app.exited, { code: 1, signal: null })
  t.match(app.log('stopping because of an error'), [{ err: { message: '11 workers died within a minute' } }])
  t.equal(app.log('a worker died').length, 11)
})
