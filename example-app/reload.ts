/** The configuration file while the gateway runs: what changes in it is taken over, all of it or nothing. */
import { dirname } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { FolderWatch } from '../lib/discovery/folder-watch.js'
import { changeBetween } from './changes.js'
import { checkRoutes } from './check.js'
import type { Workers } from './cluster.js'
import { readConfig } from './config-file.js'
import { ConfigError, type Environment, type GatewayConfig } from './config.js'

/** Milliseconds that nothing must happen in the folder: who writes in place may not be done. */
const STILL = 200

/** Milliseconds after which the file is read although the folder is not still: a log may be written to it all the time. */
const LONGEST_UNREST = 1_000

/** Milliseconds between looks, for changes that the system does not tell of (network file systems, links to elsewhere). */
const INTERVAL = 10_000

export class Reloading {
  readonly #path: string
  readonly #env: Environment
  readonly #workers: Workers
  readonly #log: FastifyBaseLogger
  #config: GatewayConfig
  /** One after the other. */
  #work = Promise.resolve()
  #watches: FolderWatch[] = []
  #timer: NodeJS.Timeout | undefined
  /** When the unrest began; undefined when all is still. */
  #unrestSince: number | undefined
  /** Of the last refusal: it is not told again for the same file. */
  #refused = ''

  constructor (path: string, env: Environment, config: GatewayConfig, workers: Workers, log: FastifyBaseLogger) {
    this.#path = path
    this.#env = env
    this.#config = config
    this.#workers = workers
    this.#log = log
  }

  /** From here on the files are watched, and SIGHUP is heard. */
  start (): void {
    process.on('SIGHUP', () => {
      this.#refused = ''
      this.#soon('SIGHUP', 0)
    })
    this.#watch()
    setInterval(() => {
      for (const watch of this.#watches) void watch.renew()
      this.#soon('the file has changed', 0)
    }, INTERVAL).unref()
  }

  #watch (): void {
    for (const watch of this.#watches) watch.close()
    // Of folders: an editor or an atomic writer puts another file in the place of the old one, and Kubernetes another folder behind a link.
    const folders = new Set([this.#path, ...this.#config.files].map(file => dirname(file)))
    this.#watches = [...folders].map(folder => new FolderWatch(folder, () => { this.#soon('the file has changed', STILL) }))
    for (const watch of this.#watches) void watch.renew()
  }

  #soon (why: string, ms: number): void {
    clearTimeout(this.#timer)
    const now = performance.now()
    this.#unrestSince ??= now
    this.#timer = setTimeout(() => {
      this.#unrestSince = undefined
      this.#work = this.#work.then(() => this.#reload(why))
    }, Math.min(ms, Math.max(0, this.#unrestSince + LONGEST_UNREST - now)))
  }

  async #reload (why: string): Promise<void> {
    try {
      const config = readConfig(this.#path, this.#env)
      const change = changeBetween(this.#config, config)
      this.#refused = ''
      if (change === 'nothing') return
      await checkRoutes(config, this.#path)
      if (change === 'workers') await this.#workers.renew(config)
      else await this.#workers.amend(config, change)
      this.#config = config
      this.#watch()
      const what = change === 'workers' ? { workers: config.workers } : { upstreams: Object.keys(change.targets), tls: change.tls !== undefined }
      this.#log.warn({ why, ...what }, change === 'workers' ? 'reloaded: other workers serve' : 'reloaded: in place')
    } catch (error) {
      this.#refuse(error as Error)
    }
  }

  #refuse (error: Error): void {
    const faults = error instanceof ConfigError ? error.faults : [error.message]
    const refused = faults.join('\n')
    if (refused === this.#refused) return
    this.#refused = refused
    this.#log.error({ faults }, 'not reloaded: the configuration is as it was')
  }
}
