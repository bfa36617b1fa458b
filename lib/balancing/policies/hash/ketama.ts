import type { Later } from '../../policy.js'
import type { Target } from '../../target.js'
import { Background, type Work } from '../background.js'
import { CRC_START, crcByte, crcEnd, crcText } from './hashing.js'
import { MOST_PLACES, type Fits, type Placement } from './placement.js'

/** Points of a target for each unit of its weight. */
const POINTS = 160
/**
 * Points in all, so that memory has a bound. Weights that add up to more than 25,000 have fewer points each than with nginx, which has no such limit.
 */
const MOST_POINTS = 4_000_000
/** Points that are made without a pause. */
const SLICE = 4_096

/**
 * A ring of points, as nginx's `hash … consistent` has them, and with it Cache::Memcached::Fast: 160 for each unit of weight, each the CRC-32 of
 * host, NUL, port and the point before; a key belongs to the next point from its own CRC-32 on.
 */
export class Ketama implements Placement {
  readonly #ring: Background<Ring>

  constructor (later: Later) {
    this.#ring = new Background(later)
  }

  update (all: readonly Target[]): void {
    const weight = all.reduce((sum, target) => sum + target.weight, 0)
    this.#ring.make(() => makeRing(all), weight * POINTS <= SLICE)
  }

  find (key: string, _targets: readonly Target[], fits: Fits): Target | undefined {
    return this.#ring.current!.find(crcEnd(crcText(CRC_START, key)), fits)
  }
}

export class Ring {
  /** Sorted. */
  readonly hashes: Uint32Array
  /** Whose the points are, as positions in `members`. */
  readonly owners: Uint32Array
  readonly #members: readonly Target[]
  /** Where the points begin whose hashes have these first bits, so that a look-up begins close to its end. */
  readonly #starts: Uint32Array
  readonly #shift: number

  constructor (hashes: Uint32Array, owners: Uint32Array, members: readonly Target[], starts: Uint32Array, shift: number) {
    this.hashes = hashes
    this.owners = owners
    this.#members = members
    this.#starts = starts
    this.#shift = shift
  }

  find (hash: number, fits: Fits): Target | undefined {
    const { hashes, owners } = this
    const n = hashes.length
    let at = this.#starts[hash >>> this.#shift]!
    while (at < n && hashes[at]! < hash) at++
    for (let i = Math.min(n, MOST_PLACES); i > 0; i--) {
      if (at === n) at = 0
      const target = this.#members[owners[at++]!]!
      if (fits(target)) return target
    }
    return undefined
  }
}

/**
 * Points by the first bits of their hashes, then sorted among the few that have those in common: all in slices, which sorting them as one would not
 * be.
 */
export function * makeRing (all: readonly Target[]): Work<Ring> {
  const members = [...all]
  const total = members.reduce((sum, { weight }) => sum + weight, 0)
  const each = Math.min(POINTS, Math.floor(MOST_POINTS / Math.max(total, 1)))
  const count = total * each
  const shift = 32 - Math.max(1, Math.ceil(Math.log2(count / 4 + 1)))
  const starts = new Uint32Array((0xffffffff >>> shift) + 2)

  const made = new Uint32Array(count)
  let point = 0
  let rest = SLICE
  for (const [i, base] of basesOf(members).entries()) {
    let previous = 0
    for (let j = members[i]!.weight * each; j > 0; j--) {
      made[point++] = previous = nextPoint(base, previous)
      starts[(previous >>> shift) + 1]!++
      if (--rest === 0) {
        rest = SLICE
        yield
      }
    }
  }

  for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!
  const hashes = new Uint32Array(count)
  const owners = new Uint32Array(count)
  const ends = starts.slice()
  point = 0
  for (let i = 0; i < members.length; i++) {
    for (let j = members[i]!.weight * each; j > 0; j--) {
      const hash = made[point++]!
      const bucket = hash >>> shift
      // In its bucket a point goes before those that are larger, and behind its equals: those of the targets before it.
      let at = ends[bucket]!++
      for (; at > starts[bucket]! && hashes[at - 1]! > hash; at--) {
        hashes[at] = hashes[at - 1]!
        owners[at] = owners[at - 1]!
      }
      hashes[at] = hash
      owners[at] = i
      if (--rest === 0) {
        rest = SLICE
        yield
      }
    }
  }
  return new Ring(hashes, owners, members, starts, shift)
}

/** A point's hash: the CRC goes on from that of the server's name with the hash of the point before, lowest byte first. */
function nextPoint (base: number, previous: number): number {
  let crc = crcByte(base, previous & 0xff)
  crc = crcByte(crc, (previous >>> 8) & 0xff)
  crc = crcByte(crc, (previous >>> 16) & 0xff)
  return crcEnd(crcByte(crc, previous >>> 24))
}

/** CRC of each target's name. Those that nginx could not tell apart, at one address under different ids, go by their ids from the second on. */
function basesOf (members: readonly Target[]): number[] {
  const taken = new Set<string>()
  return members.map(({ url, id }) => {
    const server = serverOf(url)
    const name = taken.has(server) ? `${id}\0` : server
    taken.add(server)
    return crcText(CRC_START, name)
  })
}

/** A server as nginx hashes it: `host NUL port`, as the url has them written; `host NUL` where there is no port, and `path NUL` of a socket. */
export function serverOf (url: string): string {
  const socket = /^unix:([^:]*)/.exec(url)
  if (socket !== null) return `${socket[1]!}\0`
  const [, host, port = ''] = /^[a-z]+:\/\/(.*?)(?::(\d*))?(?:[/?#]|$)/i.exec(url)!
  return `${host!}\0${port}`
}
