/**
 * YAML that somebody else has written, bounded. A text of a few kilobytes can keep the library busy for ever, or end the process: by lists within lists,
 * and by keys that are lists or objects, which it writes out as text, over and over. So the nesting is bounded while the text is read, before anything is
 * composed of it, and keys are plain.
 */
import { Composer, CST, Document, isScalar, Lexer, LineCounter, Parser, visit, type ParsedNode, type YAMLError } from 'yaml'
import { MAX_DEPTH, MAX_LENGTH, tooDeep, tooLong } from '../bounded-json.js'
import { atOnce } from '../engine/slices.js'
import { InvalidOptionsError } from '../errors.js'
import { refuse } from '../options.js'

/** Changes a document before it becomes plain values. `place`: an offset in words. Returns faults. */
export type Amend = (document: Document, place: Place) => string[]

type Place = (offset: number) => string

/** Words and signs of a text. The library makes an object of a few hundred bytes of each. A list of 100,000 urls has 600,000. */
const MAX_TOKENS = 1_000_000

/** Tokens that are read in a few milliseconds. */
const SLICE = 5_000

/** Faults after which the rest of a text is not looked at. */
const MAX_FAULTS = 100

/** Expansions of aliases: of lists of aliases, a kilobyte would become a billion values. */
const MAX_ALIASES = 100

/** What is in a text of YAML 1.2, of which JSON is a part. Throws `FST_LB_INVALID_OPTIONS` with the faults, one a line, and their places. */
export function parseYaml (text: string, amend?: Amend): unknown {
  return atOnce(parsingYaml(text, amend))
}

/** The same in slices. */
export function * parsingYaml (text: string, amend: Amend = () => []): Generator<undefined, unknown> {
  if (text.length > MAX_LENGTH) throw new InvalidOptionsError(tooLong(text.length, MAX_LENGTH))
  const lines = new LineCounter()
  const place: Place = offset => {
    const { line, col } = lines.linePos(offset)
    return `line ${line}, column ${col}`
  }
  const { document, faults } = composed(yield * read(text, lines, place), text.length)
  refuse(faults.sort((a, b) => a.offset - b.offset).map(({ offset, message }) => `${place(offset)}: ${message}`))
  refuse(amend(document, place))
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    // Aliases of nothing, or too many of them.
    throw new InvalidOptionsError((error as Error).message)
  }
}

/** The library reads in a loop. It composes by recursion, so that is not begun with what nests too deep. */
function * read (text: string, lines: LineCounter, place: Place): Generator<undefined, CST.Token[]> {
  const parser = new Parser(lines.addNewLine)
  const tokens: CST.Token[] = []
  let count = 0
  let faults = 0
  const take = (token: CST.Token): void => {
    if (token.type !== 'error' || ++faults <= MAX_FAULTS) tokens.push(token)
  }
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) take(token)
    const { stack, offset } = parser
    // The document is on it, too, and at times a word on top.
    if (stack.length > MAX_DEPTH + 1 && CST.isCollection(stack.at(-1)!)) throw new InvalidOptionsError(tooDeep(place(offset - lexeme.length)))
    if (++count > MAX_TOKENS) throw new InvalidOptionsError(`${place(offset)}: expected at most ${MAX_TOKENS} words and signs, got more`)
    if (count % SLICE === 0) yield
  }
  for (const token of parser.end()) take(token)
  return tokens
}

interface Fault { offset: number, message: string }

/** The one document that there is to be. */
function composed (tokens: readonly CST.Token[], end: number): { document: Document, faults: Fault[] } {
  // That keys are unique is seen to below: the library compares each with all others.
  const composer = new Composer({ uniqueKeys: false })
  stopAtMaxFaults(composer)
  try {
    const [document, another] = composer.compose(tokens, true, end) as Iterable<Document.Parsed<ParsedNode>>
    // A warning is a tag that nobody knows: whoever wrote it expects something of it.
    const faults = [...document!.errors, ...document!.warnings].map(faultOf).concat(faultsOfKeys(document!))
    if (another !== undefined) faults.push({ offset: another.range[0], message: 'expected one document, got another' })
    return { document: document!, faults }
  } catch (error) {
    /* c8 ignore next -- a fault of the library itself */
    if (!(error instanceof TooManyFaults)) throw error
    const { errors, warnings } = composer.streamInfo()
    return { document: new Document(), faults: [...errors, ...warnings].map(faultOf) }
  }
}

function faultOf ({ pos, message }: YAMLError): Fault {
  return { offset: pos[0], message }
}

class TooManyFaults extends Error {}

/** The library has an Error with a stack for each fault: a million of them, for a megabyte of commas, take it ten seconds. */
function stopAtMaxFaults (composer: Composer): void {
  const inner = composer as unknown as { onError: (...fault: unknown[]) => void }
  const tell = inner.onError
  let told = 0
  inner.onError = (...fault) => {
    if (++told > MAX_FAULTS) throw new TooManyFaults()
    tell(...fault)
  }
}

/** Keys that are there twice, or are no words. */
function faultsOfKeys (document: Document): Fault[] {
  const faults: Fault[] = []
  visit(document, {
    Map (_place, { items }) {
      const seen = new Set<string>()
      for (const { key } of items as Array<{ key: ParsedNode }>) {
        const name = isScalar(key) ? String(key.value) : undefined
        if (name === undefined) faults.push({ offset: key.range[0], message: 'expected a word as a key, got a list, an object or an alias' })
        else if (seen.has(name)) faults.push({ offset: key.range[0], message: 'Map keys must be unique' })
        else seen.add(name)
      }
    }
  })
  return faults
}
