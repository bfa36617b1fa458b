import { AliasTable } from '../shipped.js'
import { times } from './distributions.js'
import { stream } from './random.js'

/** The requests, one after the other: the n-th is the same for every policy. */
export class Requests {
  #gateways
  #work
  #draw
  #key

  constructor ({ gateways, requests: { time, keys } }, seed) {
    this.#gateways = gateways
    this.#work = times(time, stream(seed, 'work'))
    this.#draw = stream(seed, 'requests')
    this.#key = keys === undefined ? () => undefined : zipf(keys, stream(seed, 'keys'))
  }

  next () {
    return { gateway: Math.floor(this.#draw() * this.#gateways), luck: this.#draw(), work: this.#work(), key: this.#key() }
  }
}

/** Draws keys: the r-th most frequent is asked for in proportion to 1 / r^exponent. */
function zipf ({ count, exponent }, random) {
  const table = new AliasTable(Array.from({ length: count }, (_, i) => (i + 1) ** -exponent))
  return () => keyOf(table.draw(random(), random()))
}

export function keyOf (rank) {
  return `key-${rank}`
}

/** Requests that come whether or not earlier ones were answered: a Poisson process of `perSecond()`, which may change. */
export function comeAtRandom (clock, perSecond, random, come) {
  const wait = () => { clock.after(-1000 / perSecond() * Math.log(1 - random()), arrive, undefined) }
  const arrive = () => {
    wait()
    come()
  }
  wait()
}
