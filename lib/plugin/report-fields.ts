/** What targets tell the gateway of themselves in their responses is no business of clients. */
import type { HashSettings } from '../balancing/policies/hash/hash.js'
import type { NamedPolicy } from '../balancing/policies/named-policy.js'
import type { PrequalSettings } from '../balancing/policies/prequal.js'

/** Names of the response fields that a policy reads, in lower case. */
export function reportFieldsOf ({ name, settings }: NamedPolicy): readonly string[] {
  if (settings === undefined) return []
  if (name === 'prequal') return Object.values((settings as PrequalSettings).headers)
  return name === 'hash' ? reportFieldsOf((settings as HashSettings).fallback) : []
}
