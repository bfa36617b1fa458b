/** Finding and removing single cookies in a `Cookie` header, which leaves the others byte for byte as they are. */

/** The value of the first cookie of this name, as it is written; of the first whose value `holds`, where a client may have several. */
export function findCookie (header: string | undefined, name: string, holds?: (value: string) => boolean): string | undefined {
  if (header === undefined) return undefined
  let at = 0
  let equals = header.indexOf('=')
  while (equals !== -1) {
    let end = header.indexOf(';', at)
    if (end === -1) end = header.length
    if (equals < end && header.slice(at, equals).trim() === name) {
      const value = header.slice(equals + 1, end).trim()
      if (holds === undefined || holds(value)) return value
    }
    at = end + 1
    // Not looked for again while it is further on: a header of nothing but `;` would take for ever.
    if (equals < at) equals = header.indexOf('=', at)
  }
  return undefined
}

/** The header without the cookies of these names; the very same string when it has none of them, '' when nothing is left. */
export function withoutCookies (header: string, names: { has (name: string): boolean }): string {
  const parts = header.split(';')
  const kept = parts.filter(part => !names.has(part.slice(0, Math.max(part.indexOf('='), 0)).trim()))
  // Only what stood between two cookies goes with ours: the last byte of a value may look like a space, as in UTF-8's `à`.
  return kept.length === parts.length ? header : kept.join(';').replace(/^[ \t]+/, '')
}
