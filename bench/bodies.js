/** A JSON document of exactly so many bytes. */
export function json (length) {
  const empty = JSON.stringify({ id: 12_345, name: 'shoes', text: '' })
  return Buffer.from(JSON.stringify({ id: 12_345, name: 'shoes', text: 'x'.repeat(length - empty.length) }))
}

/** What a target does about a body of so many bytes: it answers when the body is here, as an application would, and not well when some of it is missing. */
export function receiver (expected, answer) {
  return (request, response) => {
    let length = 0
    request.on('data', chunk => { length += chunk.length })
    request.on('end', () => {
      response.writeHead(length === expected ? 201 : 400, { 'content-type': 'application/json; charset=utf-8', 'content-length': answer.length })
      response.end(answer)
    })
  }
}
