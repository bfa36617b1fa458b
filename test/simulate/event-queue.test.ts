import t from 'tap'
import { VirtualClock } from '../../bench/simulate/engine/clock.js'
import { EventQueue } from '../../bench/simulate/engine/event-queue.js'
import { stream } from '../../bench/simulate/engine/random.js'

t.test('What is planned comes by its time, and at the same time in the order it was planned in', async t => {
  const queue = new EventQueue()
  for (const [at, name] of [[3, 'c'], [1, 'a'], [3, 'd'], [2, 'b'], [3, 'e']] as const) queue.plan(at, () => {}, name)
  t.equal(queue.next, 1)
  t.same(Array.from({ length: 5 }, () => queue.take().arg).join(''), 'abcde')
  t.equal(queue.next, Infinity)
})

t.test('What is cancelled does not come; cancelling it again, or after it came, does nothing', async t => {
  const queue = new EventQueue()
  const [a, b, c] = [1, 2, 3].map(at => queue.plan(at, () => {}, at))
  queue.cancel(b)
  queue.cancel(b)
  t.equal(queue.size, 2)
  t.equal(queue.take(), a)
  queue.cancel(a)
  t.equal(queue.take(), c)
  t.equal(queue.size, 0)
})

t.test('However plans and cancellations mix, the rest comes in order', async t => {
  const random = stream(1, 'test')
  const queue = new EventQueue()
  const planned = Array.from({ length: 2_000 }, () => queue.plan(Math.floor(random() * 500), () => {}, undefined))
  const kept = planned.filter(event => {
    const keep = random() < 0.6
    if (!keep) queue.cancel(event)
    return keep
  })
  const taken = kept.map(() => queue.take())
  t.same(taken.map(({ order }) => order), [...kept].sort((a, b) => a.at - b.at || a.order - b.order).map(({ order }) => order))
})

t.test('The clock jumps from one event to the next, and stands where it was told to stop', async t => {
  const clock = new VirtualClock()
  const told: number[] = []
  const tell = () => { told.push(clock.now()) }
  clock.after(10, () => { clock.after(5, tell, undefined) }, undefined)
  clock.cancel(clock.after(7, tell, undefined))
  clock.after(20, tell, undefined)
  clock.after(21, tell, undefined)
  clock.runUntil(20)
  t.same(told, [15, 20])
  t.equal(clock.now(), 20)
  clock.at(3, tell, undefined)
  t.equal(clock.step(), true)
  t.equal(clock.now(), 20, 'what should have been before is now')
  clock.step()
  t.equal(clock.step(), false)
})

t.test('A stream of chance is the same for the same seed and purpose, and another for another', async t => {
  const of = (seed: number, purpose: string) => Array.from({ length: 4 }, stream(seed, purpose))
  t.same(of(1, 'arrivals'), of(1, 'arrivals'))
  t.notSame(of(1, 'arrivals'), of(1, 'work'))
  t.notSame(of(1, 'arrivals'), of(2, 'arrivals'))
})
