import type { FastifyReply, FastifyRequest } from 'fastify'
import { fault, object, optional, text, type Check } from '../../options.js'

/** The admin API and the dashboard; see `docs/admin.md`. */
export interface AdminOptions {
  /** Where both are, below the prefix of the scope that the plugin is registered in. @default '/lb' */
  prefix?: string
  /**
   * Who may look, and who may change things. Asked for every request, before anything of it is read. There is no default: `'loopback'` lets in
   * whoever is on this machine and has asked for a loopback name (not for a name that a foreign page has made to lead here), and did not come through
   * a proxy.
   */
  authorize: Authorize | 'loopback'
}

/**
 * Says whether a request may be served. A name, which the log then has beside each change, or `true` lets it in; anything else, as a name that is not
 * known, refuses it (403). What it throws is the answer: an error with `statusCode` and `headers`, as `www-authenticate`, if it has them. It may
 * answer by itself, too.
 */
export type Authorize = (request: FastifyRequest, access: Access) => Permission | Promise<Permission>

/** What `authorize` says: `true` or a name lets the request in, anything else does not. */
export type Permission = boolean | string | null | undefined

/** What a request to the admin API would do. */
export interface Access {
  /** It would change something. Also asked without a change, to know whether the dashboard should offer any. */
  write: boolean
  /** For hooks that want it; normally not needed. */
  reply: FastifyReply
}

export interface AdminSettings {
  prefix: string
  authorize: Authorize | 'loopback'
}

const prefixOption = text(/^(?:\/[\w.~-]+)+$/, "a path, as '/lb' or '/internal/lb'")

const authorizeOption: Check<Authorize | 'loopback'> = (value, path, faults) => {
  if (typeof value !== 'function' && value !== 'loopback') {
    fault(faults, path, "a function that says who may, or 'loopback' for whoever is on this machine", value)
  }
  return value as Authorize | 'loopback'
}

export const adminOption = object<AdminSettings>({
  prefix: optional(prefixOption, '/lb'),
  authorize: authorizeOption
})
