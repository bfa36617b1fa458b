/** What an editor can show: every option says what it is and what it is by default, and every type that is needed to write one down can be imported. */
import t from 'tap'
import ts from 'typescript'
import { ROOT } from '../helpers/root.js'

const DOOR = `${ROOT}lib/index.ts`

const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile) as { config: object }
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
const program = ts.createProgram([DOOR], { ...options, noEmit: true })
const checker = program.getTypeChecker()

const resolved = (symbol: ts.Symbol): ts.Symbol => (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)
const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(DOOR)!)!)

const tagsOf = (node: ts.Node): string[] => ts.getJSDocTags(node).map(({ tagName }) => tagName.text)

const isOurs = ({ declarations = [] }: ts.Symbol): boolean => declarations.length > 0 && declarations.every(node => node.getSourceFile().fileName.startsWith(`${ROOT}lib/`))

/** Types that can be reached from what is exported, and their members. */
class Walk {
  readonly types = new Map<ts.Symbol, string>()
  readonly members: Array<{ name: string, node: ts.PropertySignature }> = []

  type (symbol: ts.Symbol, via: string): void {
    if (this.types.has(symbol) || !isOurs(symbol) || (symbol.flags & ts.SymbolFlags.TypeParameter) !== 0) return
    this.types.set(symbol, via)
    for (const declaration of symbol.declarations!) this.node(declaration, symbol.name)
  }

  node (node: ts.Node, owner: string): void {
    if (tagsOf(node).includes('internal') || ts.isBlock(node) || ts.isPrivateIdentifier((node as ts.PropertyDeclaration).name ?? node)) return
    if (ts.isPropertySignature(node)) this.members.push({ name: `${owner}.${node.name.getText()}`, node })
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const symbol = checker.getSymbolAtLocation(ts.isTypeReferenceNode(node) ? node.typeName : node.expression)
      if (symbol !== undefined) this.type(resolved(symbol), owner)
    }
    if (ts.isConditionalTypeNode(node) || ts.isVariableDeclaration(node)) return
    ts.forEachChild(node, child => { this.node(child, owner) })
  }
}

const walk = new Walk()
for (const symbol of exported) walk.type(resolved(symbol), 'the door')

t.test('members of what is exported are described', async t => {
  t.ok(walk.members.length > 150, 'they are found')
  const isBare = (node: ts.PropertySignature): boolean =>
    // What a type literal of one line cannot do without is described by the type's own comment.
    (ts.isInterfaceDeclaration(node.parent) || node.questionToken !== undefined) &&
    checker.getSymbolAtLocation(node.name)!.getDocumentationComment(checker).length === 0
  t.same(walk.members.filter(({ node }) => isBare(node)).map(({ name }) => name), [])
})

t.test('options that may be left out say what is then', async t => {
  const optional = walk.members.filter(({ name, node }) => /^\w+(?:Options|Attributes|Expectation)\./.test(name) && node.questionToken !== undefined)
  t.ok(optional.length > 90, 'they are found')
  t.same(optional.filter(({ node }) => !tagsOf(node).includes('default')).map(({ name }) => name), [])
})

t.test('the types of members can be imported', async t => {
  // Some are exported for Fastify's requests, and are written for any.
  const names = new Set(exported.map(({ name }) => name))
  const isWithin = ({ declarations }: ts.Symbol): boolean => !ts.isSourceFile(declarations![0]!) && declarations![0]!.getSourceFile().fileName === DOOR
  const missing = [...walk.types].filter(([type]) => !names.has(type.name) && type.name !== 'loadBalancer' && !isWithin(type))
  t.same(missing.map(([{ name }, via]) => `${name}, of ${via}`), [])
})
