/** Snippets in TypeScript hold what they say of types: one run of the compiler for all of them. */
import t from 'tap'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from 'typescript'
import { GUIDES, readPage } from './harness/pages.js'

t.test('they compile', async t => {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile) as { config: object }
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, '.')
  mkdirSync('.tap/snippets', { recursive: true })
  const dir = mkdtempSync(resolve('.tap/snippets/types-'))
  t.teardown(() => { rmSync(dir, { recursive: true }) })
  const files = GUIDES.flatMap(path => readPage(path).fences.filter(({ lang }) => lang === 'ts').map(({ code, line }) => {
    const file = join(dir, `${path.replace(/\W/g, '-')}-${line}.ts`)
    writeFileSync(file, code)
    return file
  }))
  t.ok(files.length > 0)
  const program = ts.createProgram(files, { ...options, noEmit: true })
  const faults = files.flatMap(file => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
  t.strictSame(faults.map(({ file, start = 0, messageText }) => `${file!.fileName.slice(dir.length + 1)}:${file!.getLineAndCharacterOfPosition(start).line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`), [])
})
