/**
 * `npm run schema`: writes gateway.schema.json, by which editors complete and check a configuration, from the type `GatewayFile` and its doc comments. What cannot
 * be written in a file (functions, clients of Redis) is left out.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export const SCHEMA = `${ROOT}example-app/gateway.schema.json`

/** A number or a truth value may come from the environment. */
const VARIABLE = { type: 'string', pattern: '\\$\\{.+\\}' }

/** The text of gateway.schema.json. */
export function schema () {
  const door = `${ROOT}example-app/config.ts`
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  const program = ts.createProgram([door], { ...options, noEmit: true })
  const checker = program.getTypeChecker()
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(door)))
  const file = checker.getDeclaredTypeOfSymbol(exported.find(({ name }) => name === 'GatewayFile'))
  const whole = { $schema: 'http://json-schema.org/draft-07/schema#', title: 'A gateway', ...new Mapper(checker).object(file) }
  whole.properties = { $schema: { type: 'string' }, ...whole.properties }
  return JSON.stringify(whole, null, 2) + '\n'
}

class Mapper {
  constructor (checker) {
    this.checker = checker
  }

  /** Undefined for what cannot be written in a file. */
  type (type) {
    const { flags } = type
    if (flags & ts.TypeFlags.StringLiteral || flags & ts.TypeFlags.NumberLiteral) return { const: type.value }
    if (flags & ts.TypeFlags.BooleanLiteral) return { const: type.intrinsicName === 'true' }
    if (flags & ts.TypeFlags.String) return { type: 'string' }
    if (flags & ts.TypeFlags.Number) return { anyOf: [{ type: 'number' }, VARIABLE] }
    if (flags & ts.TypeFlags.Boolean) return { anyOf: [{ type: 'boolean' }, VARIABLE] }
    if (type.isUnion()) return this.union(type)
    if (type.isIntersection()) return this.object(type)
    if (!(flags & ts.TypeFlags.Object) || type.getCallSignatures().length > 0) return undefined
    if (this.checker.isArrayType(type)) {
      const items = this.type(this.checker.getTypeArguments(type)[0])
      return items === undefined ? undefined : { type: 'array', items }
    }
    return this.object(type)
  }

  union (type) {
    const members = []
    const literals = []
    /** Of durations in text, the only types that are made of a template. */
    const units = []
    for (const member of type.types) {
      if (member.flags & ts.TypeFlags.TemplateLiteral) {
        units.push(member.texts.at(-1))
        continue
      }
      const mapped = member.flags & ts.TypeFlags.Undefined ? undefined : this.type(member)
      if (mapped === undefined) continue
      if ('const' in mapped) literals.push(mapped.const)
      else members.push(mapped)
    }
    if (units.length > 0) members.push({ type: 'string', pattern: `^\\d+(\\.\\d+)?(${units.join('|')})$` })
    if (literals.length === 2 && literals.includes(true) && literals.includes(false)) members.push({ anyOf: [{ type: 'boolean' }, VARIABLE] })
    else if (literals.length > 0) members.push({ enum: literals })
    return members.length === 0 ? undefined : members.length === 1 ? members[0] : { anyOf: members }
  }

  object (type) {
    const entries = this.checker.getIndexInfoOfType(type, ts.IndexKind.String)
    if (entries !== undefined) {
      const values = this.type(entries.type)
      return values === undefined ? undefined : { type: 'object', additionalProperties: values }
    }
    const properties = {}
    const required = []
    let open = false
    for (const property of type.getProperties()) {
      const declaration = property.declarations?.[0]
      const ours = declaration !== undefined && !declaration.getSourceFile().fileName.includes('/node_modules/')
      const mapped = ours || isPlain(this.checker.getTypeOfSymbol(property)) ? this.type(this.checker.getTypeOfSymbol(property)) : undefined
      const needed = (property.flags & ts.SymbolFlags.Optional) === 0
      // Fastify's own options of routes: which of them there are is for the plugin to say.
      if (!ours) open = true
      if (mapped === undefined) {
        if (needed) return undefined
        continue
      }
      properties[property.name] = { ...this.words(property), ...mapped }
      if (needed) required.push(property.name)
    }
    if (Object.keys(properties).length === 0) return undefined
    return { type: 'object', properties, ...required.length > 0 && { required }, additionalProperties: open }
  }

  words (property) {
    const text = onOneLine(property.getDocumentationComment(this.checker))
    const fallback = property.getJsDocTags(this.checker).find(({ name }) => name === 'default')
    const words = fallback === undefined ? text : `${text} Default: ${onOneLine(fallback.text)}`
    return words === '' ? {} : { description: words }
  }
}

/** A doc comment may be broken anywhere. */
function onOneLine (comment) {
  return ts.displayPartsToString(comment).replace(/\s+/g, ' ').trim()
}

/** Text, numbers and truth values, and choices among them. */
function isPlain (type) {
  return type.isUnion() ? type.types.every(isPlain) : (type.flags & (ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike | ts.TypeFlags.BooleanLike | ts.TypeFlags.Undefined)) !== 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(SCHEMA, schema())
