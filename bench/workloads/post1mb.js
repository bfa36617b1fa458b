import { json, receiver } from '../bodies.js'

export const title = 'POST 1 MB'

export const request = { method: 'POST', path: '/post1mb', type: 'application/json', body: json(1_048_576) }

/** Bytes of the response's body. */
export const responseLength = 40

export const respond = receiver(request.body.length, json(responseLength))
