import type { Random } from './clock.js'
import type { Settlement } from './outcome.js'
import type { Target } from './target.js'

/** What is known about a request when its target is picked. Plain values: what comes from HTTP was read before. */
export interface PickContext {
  /** The id of the target this client belongs to. */
  affinity?: string | undefined
  /** With `affinity`: no other target will do. */
  affinityRequired?: boolean | undefined
  /** What hash policies go by. */
  hashKey?: string | undefined
  /** The client's address. */
  address?: string | undefined
  /** Only targets that carry all of these tags. */
  tags?: Readonly<Record<string, string>> | undefined
  /** With `tags`, when none of those can take it: `any` other target, or `none`, which is the default. */
  fallback?: 'any' | 'none' | undefined
  /** Ids of targets this request has tried already. */
  tried?: readonly string[] | undefined
}

/** The headers of a response, when they come. */
export interface Answer {
  /** Its status. */
  readonly status: number
  /**
   * Milliseconds from the start of the attempt to these headers. How long the body takes is not in it, nor how long a WebSocket or an event stream
   * stays open.
   */
  readonly ttfbMs: number
  /** The first value of the field `name`, which is in lower case. To be read at once: the headers are not kept. */
  header (name: string): string | undefined
}

/**
 * A balancing algorithm: the rule that names one of several targets, all of which may be picked. It never asks for
 * health, limits or state: the Balancer has done so.
 */
export interface Policy {
  /**
   * Names one of `targets`: two or more, in their configured order, all of which may be picked now. The array is shared
   * and must not be changed; it is the same object until something changes, but a request that has tried a target or asks for
   * tags gets one of its own.
   */
  pick (targets: readonly Target[], context: PickContext): Target
  /** Membership or weights changed (health did not): the place to build tables. Called before the first pick. */
  update? (all: readonly Target[]): void
  /**
   * The headers of a response came, be it one that counts as a failure: once an attempt at most, and before its `settle`. Attempts that fail
   * without a response are told by `settle` alone.
   */
  answered? (target: Target, answer: Answer): void
  /** An attempt at this target ended. Neither this nor `answered` is told of targets that have left. */
  settle? (target: Target, settlement: Settlement): void
  /**
   * `target.inFlight` or `target.streams` changed: an attempt began, whoever has chosen its target, or ended, or turned out to last. For policies
   * that keep figures of their own instead of reading all targets at each pick. Not told of targets that have left.
   */
  loaded? (target: Target): void
  /** A client went to the target it belongs to, past `pick`; rotations count it, so that new clients still split by weight. */
  charge? (target: Target): void
}

/** Runs something soon, off the path of the request at hand. */
export type Later = (run: () => void) => void

/**
 * Asks a target something apart from the requests of clients: `GET` of a path, on a connection of its own, which takes no slot. `heard` is called
 * with the answer if one comes in time. A target that has not answered the question before is not asked.
 */
export type Ask = (target: Target, path: string, timeoutMs: number, heard: (answer: Answer) => void) => void

/** What a policy is made with. */
export interface PolicyTools {
  /** The upstream's source of chance: n with 0 <= n < 1. */
  readonly random: Random
  /** Milliseconds; never runs backwards. */
  readonly now: () => number
  /** Runs something soon, for tables that take long to make. */
  readonly later: Later
  /** Asks a target something, for policies that want to know more of it than its answers say. */
  readonly ask: Ask
}

/** Makes the policy of one upstream. */
export type PolicyFactory = (tools: PolicyTools) => Policy
