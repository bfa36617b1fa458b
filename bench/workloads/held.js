import { json } from '../bodies.js'

export const title = 'GET that is not answered for now'

export const request = { method: 'GET', path: '/held' }

/** Bytes of the response's body. */
export const responseLength = 100

const body = json(responseLength)

let holding = false
/** Responses that are held. */
export const waiting = []

export function respond (_request, response) {
  if (holding) waiting.push(response)
  else answer(response)
}

/** From now on nothing is answered. */
export function hold () {
  holding = true
}

/** Everything is answered. */
export function release () {
  holding = false
  for (const response of waiting.splice(0)) answer(response)
}

function answer (response) {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': responseLength })
  response.end(body)
}
