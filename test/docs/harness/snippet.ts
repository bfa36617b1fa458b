/**
 * A snippet of a page as the module that it would be: what it does not say itself (`app`, the imports, what the text around it speaks of) is put before it,
 * addresses that stand for backend servers lead to servers on loopback, and it listens on whatever port is free. All else is run as it is written.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Ending } from '../../helpers/targets.js'

/** Within the repository, so that the package is found by its name. */
const FOLDER = resolve('.tap/snippets')

export interface Making {
  lang: string
  /** Names that the text around it speaks of, with their values. */
  given: Record<string, unknown>
  /** Texts to be put in place of others: addresses. */
  places: ReadonlyMap<string, string>
}

/** What modules were given, until they have taken it. */
const handOver: Map<number, Record<string, unknown>> = (globalThis as { snippets?: Map<number, Record<string, unknown>> }).snippets ??= new Map()
let count = 0

const IMPORTS: Record<string, string> = {
  Fastify: "import Fastify from 'fastify'",
  loadBalancer: "import loadBalancer from 'fastify-load-balancer'"
}

/** Runs it. What it has declared at its top, of the names asked for, is in `$`. */
export async function runSnippet (t: Ending, code: string, { lang, given, places }: Making, wanted: string[] = []): Promise<{ module: Record<string, unknown>, $: Record<string, unknown> }> {
  const names = Object.keys(given).filter(name => !declares(code, name))
  const id = count++
  handOver.set(id, given)
  const any = lang === 'ts' ? ' as any' : ''
  const taken = names.length > 0 ? `const { ${names.join(', ')} } = (globalThis${any}).snippets.get(${id}); ` : ''
  const seen = wanted.filter(name => declares(code, name))
  const text = `${imports(code, given)}${taken}${placed(code, places)}\nexport const $ = { ${seen.join(', ')} }\n`
  const module = await import(pathToFileURL(writeSnippet(t, text, lang)).href) as Record<string, unknown>
  handOver.delete(id)
  return { module, $: module.$ as Record<string, unknown> }
}

/** Its file, to be run in a process of its own. */
export function fileOf (t: Ending, code: string, places: ReadonlyMap<string, string>): string {
  return writeSnippet(t, imports(code, {}) + placed(code, places), 'js')
}

function writeSnippet (t: Ending, text: string, lang: string): string {
  mkdirSync(FOLDER, { recursive: true })
  const folder = mkdtempSync(join(FOLDER, 'snippet-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const file = join(folder, lang === 'ts' ? 'snippet.ts' : 'snippet.mjs')
  writeFileSync(file, text)
  return file
}

/** On the line of its first, so that line numbers stay. */
function imports (code: string, given: Record<string, unknown>): string {
  return Object.entries(IMPORTS).filter(([name]) => uses(code, name) && !declares(code, name) && !(name in given)).map(([, line]) => `${line}; `).join('')
}

function placed (code: string, places: ReadonlyMap<string, string>): string {
  let text = code
  for (const [from, to] of places) text = text.replaceAll(from, to)
  return text.replace(/\.listen\(\{[^}]*\}\)/g, ".listen({ port: 0, host: '127.0.0.1' })")
}

function uses (code: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(code)
}

/** Declares or imports it. */
function declares (code: string, name: string): boolean {
  return new RegExp(`^(?:export )?(?:const|let|class|(?:async )?function\\*?) ${name}\\b|^(?:const|let) [{[][^=]*\\b${name}\\b[^=]*[}\\]] = |^import [^'"]*\\b${name}\\b[^'"]* from`, 'm').test(code)
}
