import { LineCounter, parseDocument } from 'yaml'
import { InvalidOptionsError } from '../errors.js'
import { refuse } from '../options.js'

/** What is in a text of YAML 1.2, of which JSON is a part. Throws `FST_LB_INVALID_OPTIONS` with every fault, one a line, and its place. */
export function parseYaml (text: string): unknown {
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
