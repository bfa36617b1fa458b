import t from 'tap'
import { atOnce, Background, type Work } from '../../../lib/balancing/policies/background.js'

/** Things that are put off until the test says so. */
class Put {
  readonly off: Array<() => void> = []
  readonly later = (run: () => void): void => { this.off.push(run) }
  /** Runs what has been put off, and what that puts off, so many times. */
  run (times = Infinity): void {
    for (let i = 0; i < times && this.off.length > 0; i++) this.off.shift()!()
  }
}

/** Work in so many slices; it notes each of them. */
function slices (name: string, count: number, done: string[] = []): () => Work<string> {
  return function * () {
    for (let i = 1; i <= count; i++) {
      done.push(`${name}${i}`)
      if (i < count) yield
    }
    return name
  }
}

t.test('The first is made at once: there is nothing else to go by', async t => {
  const put = new Put()
  const background = new Background<string>(put.later)
  background.make(slices('a', 3), false)
  t.equal(background.current, 'a')
  t.equal(put.off.length, 0)
})

t.test('What is quick is made at once', async t => {
  const put = new Put()
  const background = new Background<string>(put.later)
  background.make(slices('a', 1), true)
  background.make(slices('b', 1), true)
  t.equal(background.current, 'b')
  t.equal(put.off.length, 0)
})

t.test('Whatever comes after that is made in slices, and counts once it is complete', async t => {
  const put = new Put()
  const done: string[] = []
  const background = new Background<string>(put.later)
  background.make(slices('a', 1), false)
  background.make(slices('b', 3, done), false)
  t.same(done, [], 'nothing on the path of the request at hand')
  put.run(2)
  t.same(done, ['b1', 'b2'])
  t.equal(background.current, 'a')
  put.run(1)
  t.equal(background.current, 'b')
  t.equal(put.off.length, 0)
})

t.test('Changes meanwhile: the one that is made is finished, then the newest is made, those between never', async t => {
  const put = new Put()
  const done: string[] = []
  const background = new Background<string>(put.later)
  background.make(slices('a', 1), false)
  background.make(slices('b', 2, done), false)
  put.run(1)
  background.make(slices('c', 2, done), false)
  background.make(slices('d', 2, done), true)
  put.run(1)
  t.equal(background.current, 'b')
  put.run()
  t.equal(background.current, 'd')
  t.same(done, ['b1', 'b2', 'd1', 'd2'])
  t.equal(put.off.length, 0)
})

t.test('All of it at once', async t => {
  t.equal(atOnce(slices('a', 5)()), 'a')
})
