/** Documents with targets in them: a list, or an object with a list under `targets`. */
import { InvalidOptionsError } from '../errors.js'
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

/** What is in a text of YAML 1.2, of which JSON is a part. Throws `FST_LB_INVALID_OPTIONS` with every fault and its place. */
export async function parseYaml (text: string): Promise<unknown> {
  // Only who reads files needs it.
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  // A warning is a tag that nobody knows: whoever wrote it expects something of it.
  refuse([...document.errors, ...document.warnings].map(({ message, pos }) => {
    const { line, col } = lines.linePos(pos[0])
    return `line ${line}, column ${col}: ${message}`
  }))
  try {
    return document.toJS()
  } catch (error) {
    // Aliases of nothing, or too many of them.
    throw new InvalidOptionsError((error as Error).message)
  }
}
