/** What lib declares for its users, with the doc comments: read by the compiler, so that nothing is said twice. */
import { resolve, sep } from 'node:path'
import ts from 'typescript'

const LIB = resolve('lib') + sep
const DOOR = resolve('lib/index.ts')

/**
 * @typedef {{ name: string, type: string, optional: boolean, doc: string, fallback: string | undefined }} Member
 * @typedef {{ name: string, kind: 'interface' | 'class' | 'type', doc: string, type: string, members: Member[] }} Declaration
 */

/** @returns the public declarations of lib by name: what the door exports, and what that is made of */
export function declarations () {
  const program = ts.createProgram([DOOR], { ...compilerOptions(), noEmit: true })
  const checker = program.getTypeChecker()
  /** @type {Map<string, Declaration>} */
  const found = new Map()
  for (const file of program.getSourceFiles()) {
    // The door's own aliases only fill in Fastify's request: what they stand for says more.
    if (!isOurs(file) || resolve(file.fileName) === DOOR) continue
    for (const node of file.statements) {
      if ((ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node)) && isExported(node)) {
        // The same name twice in lib: the door's is meant, and looked at below.
        found.set(node.name.text, declarationOf(node, checker))
      }
    }
  }
  const door = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(DOOR)))
  const exported = []
  for (const symbol of door) {
    if (symbol.name === 'default') continue
    exported.push(symbol.name)
    const origin = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    const node = origin.declarations?.find(node => ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node))
    if (node !== undefined && (resolve(node.getSourceFile().fileName) !== DOOR || !found.has(symbol.name))) found.set(symbol.name, declarationOf(node, checker))
  }
  return { found, exported: exported.sort() }
}

function compilerOptions () {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  return ts.parseJsonConfigFileContent({ ...config, files: ['lib/index.ts'], include: undefined }, ts.sys, '.').options
}

function isOurs ({ fileName }) {
  return resolve(fileName).startsWith(LIB)
}

function isExported (node) {
  return (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Export) !== 0
}

/** @returns {Declaration} */
function declarationOf (node, checker) {
  const { doc } = commentOf(node)
  const name = node.name.text
  if (ts.isTypeAliasDeclaration(node)) return { name, kind: 'type', doc, type: ts.isTypeOperatorNode(node.type) || ts.isIndexedAccessTypeNode(node.type) ? spelledOut(node, checker) : plain(node.type), members: [] }
  const own = node.members.filter(isPublic).flatMap(member => membersOf(member, checker))
  const inherited = (node.heritageClauses ?? []).flatMap(({ types }) => types).flatMap(type => inheritedBy(type, checker))
  const names = new Set(own.map(({ name }) => name))
  return { name, kind: ts.isClassDeclaration(node) ? 'class' : 'interface', doc, type: '', members: [...inherited.filter(({ name }) => !names.has(name)), ...own] }
}

/** Members of lib's own interfaces; those of Fastify and Node have documentation of their own. */
function inheritedBy (type, checker) {
  const node = checker.getTypeAtLocation(type).symbol?.declarations?.[0]
  return node !== undefined && ts.isInterfaceDeclaration(node) && isOurs(node.getSourceFile()) ? declarationOf(node, checker).members : []
}

function isPublic (member) {
  if (member.name === undefined || ts.isPrivateIdentifier(member.name) || ts.isConstructorDeclaration(member)) return false
  if (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) return false
  return !ts.getJSDocTags(member).some(tag => tag.tagName.text === 'internal')
}

/** A member; those of an object that has no name of its own follow it. @returns {Member[]} */
function membersOf (member, checker) {
  const { doc, fallback } = commentOf(member)
  const name = member.name.getText()
  const isMethod = ts.isMethodSignature(member) || ts.isMethodDeclaration(member)
  const within = member.type !== undefined && ts.isTypeLiteralNode(member.type) && member.type.members.some(({ jsDoc }) => jsDoc !== undefined)
    ? member.type.members.flatMap(inner => membersOf(inner, checker)).map(inner => ({ ...inner, name: `${name}.${inner.name}` }))
    : []
  const type = isMethod
    ? `(${member.parameters.map(plain).join(', ')}) => ${plain(member.type)}`
    : within.length > 0 ? 'object' : member.type === undefined ? spelledOut(member, checker) : plain(member.type)
  return [{ name, type, optional: member.questionToken !== undefined, doc, fallback }, ...within]
}

/** What the compiler makes of it. */
function spelledOut (node, checker) {
  return checker.typeToString(checker.getTypeAtLocation(node), undefined, ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias).replace(/"/g, "'")
}

/** As it is written, on one line. */
function plain (node) {
  return node.getText().replace(/\/\*\*.*?\*\/\s*/gs, '').replace(/\s+/g, ' ').replace(/^\| /, '')
}

function commentOf (node) {
  // One at the top of a file is not of what comes first in it.
  const comments = (node.jsDoc ?? []).slice(-1)
  const doc = comments.map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '').join('\n').trim()
  const tags = comments.flatMap(({ tags }) => tags ?? [])
  const tagText = name => tags.filter(({ tagName }) => tagName.text === name).map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '')[0]
  const returns = tagText('returns')
  return { doc: returns === undefined ? doc : `${doc}${/[.:]$/.test(doc) ? '' : '.'} Returns ${returns}.`, fallback: tagText('default')?.replace(/\s+/g, ' ').trim() }
}
