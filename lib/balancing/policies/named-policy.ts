import type { PolicyFactory } from '../policy.js'

/** A policy as it was chosen. */
export interface NamedPolicy {
  name: string
  create: PolicyFactory
  /** Its options with defaults filled in, if it can have any. */
  settings?: object
}
