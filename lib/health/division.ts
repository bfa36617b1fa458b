/** Gateways that probe the same targets may share that work among them. */
import type { ProbeResult } from './probe.js'

/** What another gateway has found. */
export interface FoundElsewhere extends ProbeResult {
  /** Id of the target. */
  target: string
  durationMs: number
}

/** The part of this gateway in the probes of one upstream. */
export interface ProbeDivision {
  /** The target is for this gateway to probe. */
  isOurs (target: string): boolean
  /** Tells the others what this one has found. */
  tell (target: string, result: ProbeResult, durationMs: number): void
  /** Has `heard` called with what others have found. */
  listen (heard: (found: FoundElsewhere) => void): void
  /** Nothing of this upstream is probed here any more. */
  end (): void
}
