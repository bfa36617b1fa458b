/** Learned sessions: the application's own session id, in a cookie or a header, is remembered with the target that served it. */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { SessionStore } from '../balancing/sessions.js'
import type { Target } from '../balancing/target.js'
import type { Headers } from '../engine/headers.js'
import type { Upstream } from '../engine/upstream.js'
import type { Affinity, Visitor } from './affinity.js'
import { findCookie } from './cookies.js'

/** Longer ids are not remembered. */
const LONGEST_SESSION = 4_096
/** Longer ids are remembered by their digest: clients choose them, and must not be able to fill the memory. */
const SHORT_SESSION = 64

/** Where the application keeps its session id: name of a cookie, or of a header field. */
export type SessionPlace = { cookie: string } | { header: string }

/** What the gateway learns sessions from. */
export type LearnFrom = 'all' | 'responses'

interface Session extends Visitor {
  readonly session: string | undefined
  /** The store knows it, whether its target is there or not. */
  readonly known: boolean
}

const nobody: Session = { session: undefined, known: false, target: undefined, sought: undefined }

export class AffinitySession implements Affinity {
  readonly required: boolean
  readonly #upstream: Upstream
  readonly #place: SessionPlace
  readonly #store: SessionStore
  readonly #learn: LearnFrom

  constructor (upstream: Upstream, place: SessionPlace, store: SessionStore, { required, learn }: { required: boolean, learn: LearnFrom }) {
    this.#learn = learn
    this.#upstream = upstream
    this.#place = place
    this.#store = store
    this.required = required
  }

  read (request: FastifyRequest): Visitor {
    const session = this.#sessionOf(request.raw.headers)
    if (session === undefined) return nobody
    const target = this.#store.get(session)
    if (target !== undefined) return this.#visitor(session, target)
    const found = this.#store.find?.(session)
    const visitor: Session = { session, known: false, target: undefined, sought: found?.then(target => this.#visitor(session, target)) }
    return visitor
  }

  /** As with a cookie, a client whose target was removed belongs to nobody: with `onUnavailable: 'fail'` it would be refused for ever. */
  #visitor (session: string, target: string | undefined): Session {
    const there = target !== undefined && this.#upstream.balancer.byId.has(target)
    return { session, known: target !== undefined, target: there ? target : undefined, sought: undefined }
  }

  served (visitor: Visitor, target: Target, headers: Headers): void {
    const { session, known } = visitor as Session
    const begun = this.#begunIn(headers)
    if (begun !== undefined) this.#store.set(begun, target.id, true)
    if (session === undefined || session === begun || visitor.target === target.id) return
    if (known || this.#learn === 'all') this.#store.set(session, target.id)
  }

  #sessionOf (headers: FastifyRequest['raw']['headers']): string | undefined {
    if ('cookie' in this.#place) return usable(findCookie(headers.cookie, this.#place.cookie))
    return usable(headers[this.#place.header.toLowerCase()])
  }

  /** The session that a response begins. Of several cookies of that name, clients keep the last. */
  #begunIn (headers: Headers): string | undefined {
    if ('header' in this.#place) return usable(headers[this.#place.header.toLowerCase()])
    const cookies = headers['set-cookie']
    if (cookies === undefined) return undefined
    const { cookie: name } = this.#place
    const values = [cookies].flat().map(cookie => usable(findCookie(cookie.split(';', 1)[0], name)))
    return values.findLast(value => value !== undefined)
  }
}

function usable (value: string | string[] | undefined): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > LONGEST_SESSION) return undefined
  if (value.length > SHORT_SESSION) return createHash('sha256').update(value).digest('base64url')
  // A copy: V8 keeps all of a string that a piece was cut out of, which is a header of up to 16 KB here.
  return Buffer.from(value, 'latin1').toString('latin1')
}
