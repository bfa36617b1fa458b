import { json, receiver } from '../bodies.js'

export const title = 'POST 1 KB'

export const request = { method: 'POST', path: '/post1kb', type: 'application/json', body: json(1_024) }

/** Bytes of the response's body. */
export const responseLength = 40

export const respond = receiver(request.body.length, json(responseLength))
