/** Who gets in: asked of every request to the admin API and the dashboard, before its body is read. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AdminForbiddenError, AdminMediaTypeError } from '../../errors.js'
import type { Authorize, Permission } from './options.js'

/** Names that `authorize` has said. */
const names = new WeakMap<FastifyRequest, string>()

/** What makes a request one that was passed on by somebody else, who has let in whomever. */
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip']

const LOOPBACK_ADDRESS = /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/
const LOOPBACK_NAME = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i

/**
 * Whoever is on this machine. The address alone would not do: a page from anywhere may have its own name lead here (DNS rebinding), and then it asks
 * with that name.
 */
export const loopback: Authorize = request => {
  const { remoteAddress = '' } = request.raw.socket
  if (!LOOPBACK_ADDRESS.test(remoteAddress)) throw new AdminForbiddenError('only this machine may')
  const host = request.raw.headers.host ?? String(request.raw.headers[':authority'])
  if (!LOOPBACK_NAME.test(host)) throw new AdminForbiddenError('the host asked for is not a loopback name')
  const proxied = FORWARDED.find(name => request.raw.headers[name] !== undefined)
  if (proxied !== undefined) throw new AdminForbiddenError(`only this machine may, and a request with ${proxied} has come from elsewhere`)
  return true
}

export function isWrite ({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

/** Who asks, if `authorize` has said a name. */
export function whoAsks (request: FastifyRequest): string | null {
  return names.get(request) ?? null
}

/** Throws when the request may not be served, or returns the reply when `authorize` has answered by itself. */
export async function guard (authorize: Authorize, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const write = isWrite(request)
  refuseForeign(request, write)
  const permission = await authorize(request, { write, reply })
  if (reply.sent) return reply
  if (!isPermitted(permission)) throw new AdminForbiddenError(write ? 'you may not change anything' : 'you may not see this')
  if (permission !== true) names.set(request, permission)
  // No form, image or script of another page can say that without having asked first (CORS), which is refused.
  if (write && !/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) throw new AdminMediaTypeError()
  return undefined
}

export function isPermitted (permission: Permission): permission is true | string {
  return permission === true || (typeof permission === 'string' && permission !== '')
}

/**
 * A browser that is led here by another site has the user's credentials, but not the user's will. A link may lead here; what a page loads may not,
 * though it could not read it: pictures of `/events` would take the places of those who listen.
 */
function refuseForeign (request: FastifyRequest, write: boolean): void {
  const { origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers
  if (origin !== undefined && !isSameOrigin(origin, request.host)) throw new AdminForbiddenError('another origin may not')
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (foreign && (write || mode !== 'navigate')) throw new AdminForbiddenError('another site may not')
}

/** The scheme is left out: whoever ends TLS in front of us is the same origin to the browser. */
function isSameOrigin (origin: string, host: string): boolean {
  const ours = `${origin.split('//', 1)[0]}//${host}`
  return URL.canParse(origin) && URL.canParse(ours) && new URL(origin).host === new URL(ours).host
}
