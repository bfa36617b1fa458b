import { LineCounter, parseDocument, type Document } from 'yaml'
import { InvalidOptionsError } from '../errors.js'
import { refuse } from '../options.js'

/** Changes a document before it becomes plain values. `place`: an offset in words. Returns faults. */
export type Amend = (document: Document, place: (offset: number) => string) => string[]

/** What is in a text of YAML 1.2, of which JSON is a part. Throws `FST_LB_INVALID_OPTIONS` with every fault, one a line, and its place. */
export function parseYaml (text: string, amend?: Amend): unknown {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  // A warning is a tag that nobody knows: whoever wrote it expects something of it.
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `line ${line}, column ${col}`
  }
  refuse([...document.errors, ...document.warnings].map(({ message, pos }) => `${place(pos[0])}: ${message}`))
  if (amend !== undefined) refuse(amend(document, place))
  try {
    return document.toJS()
  } catch (error) {
    // Aliases of nothing, or too many of them.
    throw new InvalidOptionsError((error as Error).message)
  }
}
