/** What a source of targets is given, and what it gives. */
import type { TargetOptions } from '../engine/target-options.js'
import type { WaitTools } from '../engine/within.js'
import type { Hold } from './hold.js'

/** A whole set of targets: urls, or objects with one. It takes the place of the set before. */
export type TargetSet = Array<string | TargetOptions>

export interface SourceTools extends WaitTools {
  /** Something has gone wrong that the source gets over without being begun anew: it is counted and logged, and the last good set stays. */
  readonly failed: (error: unknown) => void
  /** Something is wrong with a part of what is found next, which is as it was before or left out; undefined: all of it is well. */
  readonly partly: (error: unknown) => void
}

/** Begins to find targets. Each value is a whole set, looked at before it is used. What it throws ends it: it is begun anew after a pause. */
export type Source = (tools: SourceTools) => AsyncIterable<unknown> | Promise<AsyncIterable<unknown>>

export interface DiscoverySettings {
  /** `dns`, `file`, `url`, `redis` or `iterable`. */
  kind: string
  /** What is looked at, for messages; nothing secret. */
  place: string
  source: Source
  /** How long it is believed when it says nothing. */
  hold: Hold
}
