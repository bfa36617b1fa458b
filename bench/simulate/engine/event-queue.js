/**
 * What is planned, by its time; what falls on the same time happens in the order it was planned in. A binary heap whose entries know their
 * place in it, so that a cancelled one is gone at once: most deadlines are never reached, and would otherwise pile up.
 */
export class EventQueue {
  #heap = []
  #planned = 0

  get size () { return this.#heap.length }

  /** When the first is due; `Infinity` when there is none. */
  get next () { return this.#heap.length === 0 ? Infinity : this.#heap[0].at }

  /** Plans `run(arg)` at a time; returns what `cancel` takes. */
  plan (at, run, arg) {
    const event = { at, order: this.#planned++, run, arg, place: 0 }
    this.#heap.push(event)
    this.#up(event, this.#heap.length - 1)
    return event
  }

  /** Takes it out; one that is not planned any more is left alone. */
  cancel (event) {
    const { place } = event
    if (place === -1) return
    event.place = -1
    const last = this.#heap.pop()
    if (last === event) return
    this.#up(last, place)
    this.#down(last, last.place)
  }

  /** Takes out the first. */
  take () {
    const first = this.#heap[0]
    this.cancel(first)
    return first
  }

  #up (event, place) {
    const heap = this.#heap
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent]
      if (!before(event, above)) break
      heap[place] = above
      above.place = place
      place = parent
    }
    heap[place] = event
    event.place = place
  }

  #down (event, place) {
    const heap = this.#heap
    const { length } = heap
    while (true) {
      let child = 2 * place + 1
      if (child >= length) break
      if (child + 1 < length && before(heap[child + 1], heap[child])) child++
      if (!before(heap[child], event)) break
      heap[place] = heap[child]
      heap[place].place = place
      place = child
    }
    heap[place] = event
    event.place = place
  }
}

function before (a, b) {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
