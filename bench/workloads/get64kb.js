import { json } from '../bodies.js'

export const title = 'GET 64 KB'

export const request = { method: 'GET', path: '/get64kb' }

/** Bytes of the response's body. */
export const responseLength = 65_536

const body = json(responseLength)

export function respond (_request, response) {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': responseLength })
  response.end(body)
}
