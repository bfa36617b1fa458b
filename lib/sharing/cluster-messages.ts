/** What workers and their primary say to each other. Everything carries the mark: the channel is the user's, too. */
import { isObject } from '../options.js'

const MARK = 'fastify-load-balancer'

/** What a worker can ask the primary to do; the same as a store can. */
export type Deed = 'open' | 'close' | 'publish' | 'put' | 'drop' | 'held' | 'remember' | 'recall' | 'secret'

/** From a worker: `space` keeps several plugins of one application apart, `generation` workers that were started with other options. */
export interface Request { space: string, generation: string, number: number, deed: Deed, words: string[] }

/** From the primary: the answer to a request, or what somebody has published. */
export type Reply = { space: string, answers: number, value: unknown } | { space: string, heard: string }

/** The message as it is sent. */
export function marked (message: Request | Reply): Record<string, object> {
  return { [MARK]: message }
}

/** What is in a message of ours; undefined for any other. */
export function unmarked<T extends Request | Reply> (message: unknown): T | undefined {
  const ours = isObject(message) ? message[MARK] : undefined
  return isObject(ours) && typeof ours.space === 'string' ? ours as unknown as T : undefined
}
