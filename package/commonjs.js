/**
 * Part of `npm run build`: writes an entry for `require()` beside each entry of the package, with types of its own. TypeScript takes the types of an
 * ES module for those of a file that cannot be required (TS1479); Node itself has no such qualms.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import ts from 'typescript'

/** Each entry by its file, and the function that `require()` returns, with the other exports as properties. */
const ENTRIES = {
  'dist/lib/index': { whole: 'loadBalancer', options: 'LoadBalancerOptions' },
  'dist/lib/prequal-target/index': { whole: 'prequalTarget', options: 'PrequalTargetOptions' }
}

for (const [entry, { whole, options }] of Object.entries(ENTRIES)) {
  const { types, values } = exportsOf(`${entry}.d.ts`)
  writeFileSync(`${entry}.cjs`, `const { ${values.join(', ')} } = require('./index.js')\nmodule.exports = Object.assign(${whole}, { ${values.join(', ')} })\n`)
  // A function with a namespace around it, as Fastify's own types do it: it can be called, and has names on it, also for types.
  writeFileSync(`${entry}.d.cts`, `import type { FastifyInstance } from 'fastify';
import type * as esm from './index.js' with { 'resolution-mode': 'import' };
declare function ${whole}(instance: FastifyInstance, options: esm.${options}): Promise<void>;
declare namespace ${whole} {
${types.map(name => `    export type ${name} = esm.${name};\n`).join('')}${values.filter(name => name !== whole).map(name => `    export const ${name}: typeof esm.${name};\n`).join('')}    export { ${whole}, ${whole} as default };
}
export = ${whole};
`)
}

/** The names that a file exports, apart from `default`. */
function exportsOf (path) {
  const types = []
  const values = []
  for (const statement of ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022).statements) {
    if (ts.isExportDeclaration(statement)) {
      for (const { name } of statement.exportClause.elements) (statement.isTypeOnly ? types : values).push(name.text)
    } else if (statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
      if (ts.isVariableStatement(statement)) values.push(...statement.declarationList.declarations.map(({ name }) => name.text))
      else types.push(statement.name.text)
    }
  }
  return { types, values: values.filter(name => name !== 'default') }
}
