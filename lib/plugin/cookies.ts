/** Finding and removing single cookies in a `Cookie` header, which leaves the others byte for byte as they are. */

/** The value of the first cookie of this name, as it is written. */
export function findCookie (header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  let at = 0
  while (at < header.length) {
    let end = header.indexOf(';', at)
    if (end === -1) end = header.length
    const equals = header.indexOf('=', at)
    if (equals !== -1 && equals < end && header.slice(at, equals).trim() === name) return header.slice(equals + 1, end).trim()
    at = end + 1
  }
  return undefined
}

/** The header without the cookies of these names; the very same string when it has none of them, '' when nothing is left. */
export function withoutCookies (header: string, names: ReadonlySet<string>): string {
  const parts = header.split(';')
  const kept = parts.filter(part => !names.has(part.slice(0, Math.max(part.indexOf('='), 0)).trim()))
  return kept.length === parts.length ? header : kept.join(';').trim()
}
