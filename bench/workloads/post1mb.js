import { json, receiver } from '../bodies.js'

export const title = 'POST 1 MB'

export const request = { method: 'POST', path: '/post1mb', type: 'application/json', body: json(1_048_576) }

/** Bytes of the response's body. */
export const responseLength = 40

/** So few until the code that runs for one is compiled: each is many reads and writes. */
export const warmUp = 1_000

export const respond = receiver(request.body.length, json(responseLength))
