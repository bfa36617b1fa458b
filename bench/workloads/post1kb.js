import { json } from '../bodies.js'

export const title = 'POST 1 KB'

export const request = { method: 'POST', path: '/post1kb', type: 'application/json', body: json(1_024) }

/** Bytes of the response's body. */
export const responseLength = 40

const body = json(responseLength)

/** Answers when the body is here, as an application would, and not well when some of it is missing. */
export function respond (incoming, response) {
  let length = 0
  incoming.on('data', chunk => { length += chunk.length })
  incoming.on('end', () => {
    response.writeHead(length === request.body.length ? 201 : 400, { 'content-type': 'application/json; charset=utf-8', 'content-length': responseLength })
    response.end(body)
  })
}
