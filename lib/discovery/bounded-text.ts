/** Text that comes in pieces, up to a bound: what goes on for longer is not waited for. */

/** Throws, and lets go of `source`, when there are more bytes than `maxBytes`. `what` it is, for the message. */
export async function textOf (source: AsyncIterable<Buffer>, maxBytes: number, what: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    // Leaving the loop ends the connection, or closes the file.
    if (bytes > maxBytes) throw new Error(`${what} has more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
