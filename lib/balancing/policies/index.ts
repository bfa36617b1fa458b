/** The policies by name. Adding one is a file here and a line in the tables. */
import { fault, isObject, type Check } from '../../options.js'
import type { PolicyFactory, PolicyTools } from '../policy.js'
import { adaptive, adaptiveOptions, type AdaptiveOptions } from './adaptive.js'
import { first } from './first.js'
import { hash, hashOptions, type HashOptions } from './hash/hash.js'
import { leastRequests } from './least-requests.js'
import type { NamedPolicy } from './named-policy.js'
import { meantBy } from './other-names.js'
import { powerOfTwo } from './power-of-two.js'
import { prequal, prequalOptions, type PrequalOptions } from './prequal.js'
import { weightedRandom } from './random.js'
import { roundRobin } from './round-robin.js'

export const policies = {
  'least-requests': leastRequests,
  adaptive,
  'round-robin': roundRobin,
  random: weightedRandom,
  'power-of-two': powerOfTwo,
  prequal,
  hash,
  first
} satisfies Record<string, PolicyFactory>

/** The options of those that have any. */
const optionsOf = {
  adaptive: adaptiveOptions,
  prequal: prequalOptions,
  hash: hashOptions(policyOption)
}

/** The names of the policies. */
export type PolicyName = keyof typeof policies

/** A policy's name, its name with options, or a factory of the user's own. `Request`: what a `key` function of `hash` gets. */
export type PolicyOption<Request = never> =
  | PlainPolicyOption
  | 'hash'
  | ({ name: 'hash' } & HashOptions<Request, PlainPolicyOption>)

/** Those that need no key. */
export type PlainPolicyOption =
  | Exclude<PolicyName, 'hash'>
  | { name: Exclude<PolicyName, keyof typeof optionsOf> }
  | ({ name: 'adaptive' } & AdaptiveOptions)
  | ({ name: 'prequal' } & PrequalOptions)
  | PolicyFactory

export function policyOption (value: unknown, path: string, faults: string[]): NamedPolicy {
  // JavaScript calls a function that is written in place by the option that it is the value of, which says nothing.
  if (typeof value === 'function') return { name: ['', 'policy'].includes(value.name) ? 'custom' : value.name, create: value as PolicyFactory }
  const { name, ...options } = isObject(value) ? value : { name: value }
  if (typeof name !== 'string' || !Object.hasOwn(policies, name)) {
    const names = Object.keys(policies)
    fault(faults, isObject(value) ? `${path}.name` : path, `a policy: ${names.join(', ')}, or a function`, name)
    const meant = typeof name === 'string' ? meantBy(name, names) : undefined
    if (meant !== undefined) faults.push(`${faults.pop()!}; that is ${meant} here`)
    return { name: '', create: leastRequests }
  }
  const check = Object.hasOwn(optionsOf, name) ? optionsOf[name as keyof typeof optionsOf] as Check<never> : undefined
  if (check === undefined) {
    for (const key of Object.keys(options)) faults.push(`${path}.${key}: unknown option; ${name} has none`)
    return { name, create: policies[name as PolicyName] }
  }
  const settings = check(options, path, faults)
  const create: (tools: PolicyTools, settings: never) => ReturnType<PolicyFactory> = policies[name as PolicyName]
  return { name, create: tools => create(tools, settings), settings }
}
