/** The policies by name. Adding one is a file here and a line in the table. */
import { fault, isObject, type Check } from '../../options.js'
import type { Policy, PolicyFactory, PolicyTools } from '../policy.js'
import { first } from './first.js'
import { leastRequests } from './least-requests.js'
import { weightedRandom } from './random.js'
import { roundRobin } from './round-robin.js'

export const policies = {
  'least-requests': leastRequests,
  'round-robin': roundRobin,
  random: weightedRandom,
  first
} satisfies Record<string, (tools: PolicyTools) => Policy>

export type PolicyName = keyof typeof policies

/** A policy's name, its name with options, or a factory of the user's own. */
export type PolicyOption = PolicyName | { name: PolicyName } | PolicyFactory

export interface NamedPolicy { name: string, create: PolicyFactory }

export const policyOption: Check<NamedPolicy> = (value, path, faults) => {
  if (typeof value === 'function') return { name: value.name || 'custom', create: value as PolicyFactory }
  const name = isObject(value) ? value.name : value
  if (typeof name !== 'string' || !Object.hasOwn(policies, name)) {
    fault(faults, isObject(value) ? `${path}.name` : path, `a policy: ${Object.keys(policies).join(', ')}, or a function`, name)
    return { name: '', create: leastRequests }
  }
  if (isObject(value)) {
    for (const key of Object.keys(value)) if (key !== 'name') faults.push(`${path}.${key}: unknown option; ${name} has none`)
  }
  return { name, create: policies[name as PolicyName] }
}
