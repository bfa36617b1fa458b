/** Who may use the dashboard: one user with a password (HTTP Basic, RFC 7617). */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Authorize } from '../lib/index.js'

export interface Credentials { user: string, password: string }

export function basicAuth ({ user, password }: Credentials): Authorize {
  const key = randomBytes(32)
  // All of one length, which the comparison asks for; how long it takes tells nothing of what is compared.
  const digest = (text: Buffer): Buffer => createHmac('sha256', key).update(text).digest()
  const wanted = digest(Buffer.from(`${user}:${password}`))
  return ({ headers }) => {
    const [, given] = /^basic +([\w+/=-]+) *$/i.exec(headers.authorization ?? '') ?? []
    if (given !== undefined && timingSafeEqual(digest(Buffer.from(given, 'base64')), wanted)) return user
    throw Object.assign(new Error('a user and a password, please'), { statusCode: 401, headers: { 'www-authenticate': 'Basic realm="gateway", charset="UTF-8"' } })
  }
}
