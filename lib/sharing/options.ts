import { fault, func, isObject, object, oneOf, optional, string, type Check } from '../options.js'
import type { SharedSettings, SharedStore } from './store.js'

const METHODS = ['open', 'publish', 'put', 'drop', 'held', 'remember', 'recall', 'close'] as const satisfies ReadonlyArray<keyof SharedStore>

/** Whatever has the methods: a store of the user's own may well have more. */
const storeOption: Check<SharedStore> = (value, path, faults) => {
  if (!isObject(value)) {
    fault(faults, path, 'what redis() or cluster() returns has, or a store of your own', value)
  } else {
    for (const name of METHODS) func()(value[name], `${path}.${name}`, faults)
    optional(func())(value.secret, `${path}.secret`, faults)
  }
  return value as unknown as SharedStore
}

const probesOption = optional(oneOf('each', 'one'), 'each')

const sharedFields = object<SharedSettings>({ store: storeOption, probes: probesOption })

/** What `redis()` and `cluster()` take, both. */
export const sharingFields = { prefix: optional(string, 'fastify-lb'), probes: probesOption }

export const sharedOption: Check<SharedSettings> = (value, path, faults) => {
  if (isObject(value)) return sharedFields(value, path, faults)
  fault(faults, path, 'redis(client), cluster() or { store }', value)
  return undefined as never
}
