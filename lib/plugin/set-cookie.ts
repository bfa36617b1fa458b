/** The `Set-Cookie` field of an issued cookie (RFC 6265 §4.1). All of it was checked as options, so nothing here has to be escaped. */
import type { WrittenAttributes } from './affinity-cookie.js'

export function setCookie (name: string, value: string, { maxAge, domain, path, httpOnly, secure, partitioned, priority, sameSite }: WrittenAttributes): string {
  const parts = [`${name}=${value}`]
  if (maxAge !== undefined) parts.push(`Max-Age=${maxAge}`)
  if (domain !== undefined) parts.push(`Domain=${domain}`)
  if (path !== undefined) parts.push(`Path=${path}`)
  if (httpOnly === true) parts.push('HttpOnly')
  if (secure === true) parts.push('Secure')
  if (partitioned === true) parts.push('Partitioned')
  if (priority !== undefined) parts.push(`Priority=${capitalized(priority)}`)
  if (sameSite !== undefined && sameSite !== false) parts.push(`SameSite=${sameSite === true ? 'Strict' : capitalized(sameSite)}`)
  return parts.join('; ')
}

function capitalized (word: string): string {
  return word[0]!.toUpperCase() + word.slice(1)
}
