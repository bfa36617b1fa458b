/** A JSON document of exactly so many bytes. */
export function json (length) {
  const empty = JSON.stringify({ id: 12_345, name: 'shoes', text: '' })
  return Buffer.from(JSON.stringify({ id: 12_345, name: 'shoes', text: 'x'.repeat(length - empty.length) }))
}
