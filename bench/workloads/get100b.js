import { json } from '../bodies.js'

export const title = 'GET 100 B'

export const request = { method: 'GET', path: '/get100b' }

/** Bytes of the response's body. */
export const responseLength = 100

const body = json(responseLength)

export function respond (_request, response) {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': responseLength })
  response.end(body)
}
