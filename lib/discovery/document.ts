/** Documents with targets in them: a list, or an object with a list under `targets`. */
import { fault, isObject, object, refuse, type Check } from '../options.js'

const any: Check<unknown> = value => value

const withTargets = object<{ targets: unknown }>({ targets: any })

/** The list in `document`, as it is: what is in it has yet to be looked at. Throws `FST_LB_INVALID_OPTIONS`. */
export function targetsIn (document: unknown): unknown {
  if (Array.isArray(document)) return document
  const faults: string[] = []
  if (isObject(document)) document = withTargets(document, '', faults).targets
  else fault(faults, 'document', 'a list of targets, or an object with that list under targets', document)
  refuse(faults)
  return document
}
