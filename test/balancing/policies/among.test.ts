import t from 'tap'
import { Among } from '../../../lib/balancing/policies/among.js'
import { targetsOf } from '../../helpers/core.js'

t.test('Who is in the array is among them, seen once or often', async t => {
  const all = targetsOf(1, 1, 1, 1)
  const some = all.slice(1, 3)
  const among = new Among()
  for (let i = 0; i < 3; i++) {
    among.set(some)
    t.same(all.map(target => among.has(target)), [false, true, true, false])
  }
  among.set(all.slice(0, 1))
  t.same(all.map(target => among.has(target)), [true, false, false, false], 'the array of one request')
  among.set(some)
  t.same(all.map(target => among.has(target)), [false, true, true, false], 'and the shared one again')
})

t.test('An array that is seen again and again is not looked through', async t => {
  const all = targetsOf(...new Array(1000).fill(1))
  let reads = 0
  const watched = new Proxy(all, { get: (array, key) => { reads++; return Reflect.get(array, key) } })
  const among = new Among()
  among.set(watched)
  among.set(watched)
  reads = 0
  for (const target of all) if (!among.set(watched).has(target)) t.fail(target.id)
  t.equal(reads, 0)
})

t.test('A target that has left is not taken for the one that has its place now', async t => {
  const [a, b, c] = targetsOf(1, 1, 1)
  const among = new Among()
  const before = [a!, b!, c!]
  among.set(before).set(before)
  c!.index = 1
  among.forget()
  const after = [a!, c!]
  among.set(after).set(after)
  t.same([a!, b!, c!].map(target => among.has(target)), [true, false, true])
})
