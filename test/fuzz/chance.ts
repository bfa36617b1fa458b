/** Choices that are the same for the same seed. */
import { seededRandom } from '../helpers/clock.js'
import { pieces, spoil, type Change } from '../protocol/wire/fuzz.js'

/** Bytes that matter to parsers more often than others. */
const BYTES = [...'\r\n\t :;,=0159aAfF/?#%.\\"-_'].map(char => char.charCodeAt(0)).concat(0, 0x0b, 0x7f, 0x80, 0xff)

const KINDS: ReadonlyArray<Change['kind']> = ['put', 'replace', 'remove', 'repeat', 'cut']

export class Chance {
  readonly random: () => number
  /** What happened, for whoever has to find out why a case has failed. */
  readonly notes: string[]
  readonly #who: string

  constructor (seed: number, who = '', notes: string[] = []) {
    this.random = seededRandom(seed)
    this.#who = who
    this.notes = notes
  }

  /** The choices of somebody who takes part in the same case, independent of what others choose. */
  of (who: string): Chance {
    return new Chance(this.number(1, 0x7fffffff), who, this.notes)
  }

  note (what: string, bytes?: Buffer): void {
    const text = bytes === undefined ? '' : ` ${bytes.length} bytes ${JSON.stringify(bytes.toString('latin1', 0, 160))}`
    this.notes.push(`${this.#who}: ${what}${text}`)
  }

  /** True so often: 0 is never, 1 always. */
  is (share: number): boolean {
    return this.random() < share
  }

  /** A whole number from `min` to `max`. */
  number (min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1))
  }

  one<T> (list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!
  }

  /** A text with up to four changes. */
  spoilt (text: string): Buffer {
    let bytes = Buffer.from(text, 'latin1')
    for (let n = this.number(1, 4); n > 0; n--) {
      const change: Change = {
        kind: this.one(KINDS),
        at: this.random(),
        bytes: Array.from({ length: this.number(1, 3) }, () => this.is(0.75) ? this.one(BYTES) : this.number(0, 255)),
        count: this.number(1, 40)
      }
      bytes = Buffer.from(spoil(bytes, change))
    }
    return bytes
  }

  /** Taken apart in up to six places. */
  cut (bytes: Buffer): Buffer[] {
    return pieces(bytes, Array.from({ length: this.number(0, 5) }, () => this.random()))
  }
}
