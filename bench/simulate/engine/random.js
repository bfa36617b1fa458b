/**
 * Chance that repeats: numbers n with 0 <= n < 1, the same ones for the same seed and purpose. Each purpose has a stream of its own, so that a
 * policy that draws more often than another changes nothing in when requests come and how long they take: all policies see the same work.
 */
export function stream (seed, purpose) {
  // FNV-1a of the name, mixed with the seed; sfc32 (Doty-Humphrey, PractRand) from there.
  let hash = 0x811c9dc5
  for (const char of `${seed}/${purpose}`) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193)
  let a = hash | 0
  let b = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  let c = seed | 0
  let counter = 1
  const next = () => {
    const t = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t | 0
    return (t >>> 0) / 4_294_967_296
  }
  // The first ones still resemble the seed.
  for (let i = 0; i < 16; i++) next()
  return next
}
