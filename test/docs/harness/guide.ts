/** A page under test: its snippets run, one by one, and none may be left out. */
import { spawn } from 'node:child_process'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Upstream } from '../../../lib/index.js'
import { startTarget, type Ending, type Seen, type TestTarget } from '../../helpers/targets.js'
import { readPage, type Fence } from './pages.js'
import { fileOf, runSnippet } from './snippet.js'

type Handler = Parameters<typeof startTarget>[2]

export interface PlayOptions {
  /** What the text around the snippet speaks of, by name. `app` is there by itself. */
  given?: Record<string, unknown>
  /** How backends answer, by their address in the snippet, without which they say their address. */
  targets?: Record<string, Handler>
  /** Other texts to be replaced, as addresses of servers that the test has started. */
  places?: Record<string, string>
  /** Options of the Fastify server, where the snippet has none of its own. */
  server?: object
  /** What is registered before the snippet runs. */
  before?: (app: FastifyInstance) => unknown
  /** What is registered after it. */
  after?: (app: FastifyInstance) => unknown
  /** More snippets of the page that belong before it, in their order. */
  with?: string[]
  /** False: nothing listens, it is only run. @default true */
  listens?: boolean
  /** Names that the snippet declares at its top and the test wants. */
  exports?: string[]
  /** Its own server, which would log, does not. */
  quiet?: boolean
}

export interface Played {
  app: FastifyInstance
  url: string
  /** The backends by the address that the snippet has for them: `10.0.0.1:3000`, or `10.0.0.1` for port 3000. */
  targets: Map<string, TestTarget>
  /** What the snippet exports, and what was asked for with `exports`. */
  module: Record<string, any>
  upstream: (name?: string) => Upstream
  /** The text of the answer. */
  get: (path?: string, init?: RequestInit) => Promise<string>
}

const LANGUAGES = new Set(['js', 'ts'])

export class Guide {
  readonly #path: string
  readonly #fences: Fence[]
  readonly #played = new Set<Fence>()

  constructor (path: string) {
    this.#path = path
    this.#fences = readPage(path).fences
  }

  /** The one block of the page that has `text` in it. It counts as tested. */
  block (text: string): Fence {
    const found = this.#fences.filter(({ code }) => code.includes(text))
    if (found.length !== 1) throw new Error(`${this.#path}: ${found.length} code blocks have ${JSON.stringify(text)}`)
    this.#played.add(found[0]!)
    return found[0]!
  }

  code (text: string): string {
    return this.block(text).code
  }

  /** Runs the snippet that has `text` in it, and the gateway that it makes. */
  async play (t: Test, text: string, { given = {}, targets: handlers = {}, places = {}, server = {}, before, after, with: others = [], listens = true, exports = [], quiet = false }: PlayOptions = {}): Promise<Played> {
    const fences = [...others, text].map(part => this.block(part))
    const code = fences.map(({ code }) => code).join('\n')
    const { targets, map } = await this.#targetsOf(t, code, handlers, places)
    if (quiet) map.set('logger: true', 'logger: false')
    const { default: Fastify } = await import('fastify')
    const ownApp = /\bconst app = /.test(code)
    let app = (given.app ?? Fastify({ forceCloseConnections: true, ...server })) as FastifyInstance
    if (!ownApp && given.app === undefined) {
      t.teardown(async () => await app.close())
      await before?.(app)
    }
    const { module, $ } = await runSnippet(t, code, { lang: fences.at(-1)!.lang, given: ownApp ? given : { app, ...given }, places: map }, ['app', ...exports])
    if (ownApp) {
      app = $.app as FastifyInstance
      t.teardown(async () => await app.close())
    }
    await after?.(app)
    if (listens && !app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
    const address = app.server.address()
    const url = address === null || typeof address === 'string' ? '' : `${app.initialConfig.https === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`
    return {
      app,
      url,
      targets,
      module: { ...module, ...$ },
      upstream: (name = [...app.upstreams][0]!.name) => app.upstreams.get(name)!,
      get: async (path = '/', init) => await (await fetch(url + path, init)).text()
    }
  }

  /** The file of the snippet that has `text` in it, to be run in a process of its own. */
  file (t: Ending, text: string, places: Record<string, string>): string {
    return fileOf(t, this.code(text), new Map(Object.entries(places)))
  }

  /** Servers for `http://10.0.0.1:3000` and such. */
  async #targetsOf (t: Ending, code: string, handlers: Record<string, Handler>, places: Record<string, string>): Promise<{ targets: Map<string, TestTarget>, map: Map<string, string> }> {
    const targets = new Map<string, TestTarget>()
    const map = new Map<string, string>()
    for (const [origin, host, port] of code.matchAll(/http:\/\/([a-z0-9.-]+):(\d+)/g)) {
      if (map.has(origin) || /^(?:localhost|127\.)/.test(host!) || Object.keys(places).some(from => from.includes(origin))) continue
      const name = port === '3000' ? host! : `${host!}:${port!}`
      const target = await startTarget(t, name, handlers[name] ?? handlers['*'])
      targets.set(name, target)
      map.set(origin, target.url)
    }
    // Longer ones first: one may be the beginning of another.
    return { targets, map: new Map([...map, ...Object.entries(places)].sort(([a], [b]) => b.length - a.length)) }
  }

  /** Runs the command of the page that has `text` in it as a shell does; returns what it writes to stdout. */
  async shell (text: string, places: Record<string, string> = {}): Promise<string> {
    let line = this.#fences.filter(({ lang }) => lang === 'sh').flatMap(({ code }) => code.replaceAll('\\\n', '').split('\n')).find(line => line.includes(text))
    if (line === undefined) throw new Error(`${this.#path}: no command has ${JSON.stringify(text)}`)
    for (const [from, to] of Object.entries(places)) line = line.replaceAll(from, to)
    const child = spawn('bash', ['-c', line], { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    for await (const chunk of child.stdout) output += String(chunk)
    return output
  }

  /** A snippet that another test has: `file` reads it from this page. */
  testedIn (_file: string, ...texts: string[]): void {
    for (const text of texts) this.block(text)
  }

  /** The last test of a page. */
  complete (t: Test): void {
    void t.test(`${this.#path}: every snippet has been run`, async t => {
      const left = this.#fences.filter(fence => LANGUAGES.has(fence.lang) && !this.#played.has(fence))
      t.strictSame(left.map(({ line, code }) => `${this.#path}:${line}: ${code.split('\n', 1)[0]!}`), [])
    })
  }
}

export type { Seen, Handler }
