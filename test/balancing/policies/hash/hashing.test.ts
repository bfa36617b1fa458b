import t from 'tap'
import { CRC_START, crcEnd, crcText, hash32, mix } from '../../../../lib/balancing/policies/hash/hashing.js'

const crc = (text: string): number => crcEnd(crcText(CRC_START, text))

t.test('CRC-32 is that of IEEE 802.3', async t => {
  t.equal(crc('123456789'), 0xcbf43926)
  t.equal(crc(''), 0)
})

t.test('Characters of a header field are bytes, all others count as UTF-8', async t => {
  // `printf '\xe9' | crc32`, and the same of the three bytes of the euro sign.
  const bytes = (...values: number[]): number => crc(String.fromCharCode(...values))
  t.equal(crc('é'), bytes(0xe9))
  t.equal(crc('5 €'), bytes(0x35, 0x20, 0xe2, 0x82, 0xac))
})

t.test('The finaliser is Murmur3’s', async t => {
  t.equal(mix(0), 0)
  t.equal(mix(1), 0x514e28b7)
  t.equal(mix(-1), 0x81f16f39)
})

t.test('A hash is that of the whole text', async t => {
  const texts = ['', 'a', 'b', 'ab', 'ba', 'aa', 'á', '€', '₭', 'user:1', 'user:2']
  const hashes = texts.map(hash32)
  t.equal(new Set(hashes).size, hashes.length)
  t.ok(hashes.every(hash => Number.isInteger(hash) && hash >= 0 && hash <= 0xffffffff))
  t.equal(hash32('user:1'), hash32('user:1'))
})

t.test('Keys that differ in their last character only are spread evenly', async t => {
  for (const prefix of ['user:', '10.0.0.', '/products/']) {
    const quarters = [0, 0, 0, 0]
    for (let i = 0; i < 4000; i++) quarters[hash32(prefix + i) >>> 30]!++
    // 1000 each; five standard deviations of sqrt(4000 × 1/4 × 3/4) = 27
    for (const count of quarters) t.ok(Math.abs(count - 1000) < 137, `${prefix}: ${quarters}`)
  }
})
