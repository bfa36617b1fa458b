import type { TargetUpdate } from '../balancing/target.js'
import type { EngineTargetConfig } from './target-options.js'

/** What a user changes of an upstream by its methods, once it was checked: neither what discovery finds, nor what other gateways have changed. */
export type Change =
  | { did: 'add', config: EngineTargetConfig }
  | { did: 'remove', id: string, drainMs: number }
  | { did: 'update', id: string, update: TargetUpdate }
  | { did: 'replace', before: EngineTargetConfig[], after: EngineTargetConfig[] }
