/** A real browser: Debian's Chromium. */
import { chromium, type Browser } from 'playwright-core'
import type { FastifyInstance } from 'fastify'
import { needs } from './programs.js'
import type { Ending } from './servers.js'
import { until } from './wait.js'

const PROGRAM = '/usr/bin/chromium'

/** An option for tests that use it. */
export const needsChromium = needs(PROGRAM)

/** Started once a file, and ended with it. */
export async function startChromium (t: Ending): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox', '--disable-background-networking', '--no-proxy-server'] })
  t.teardown(() => browser.close())
  return browser
}

/** Where the gateway has an empty page of its own, for scripts to run in. */
export const BLANK = '/blank'

export function addBlankPage (app: FastifyInstance): void {
  app.get(BLANK, async (_request, reply) => await reply.type('text/html').send('<!doctype html><title>blank</title>'))
}

export interface Tab {
  /** What its scripts have said with `tell(…)`, in their order. */
  told: unknown[]
  /** Runs a script in it. */
  run: (script: string) => Promise<unknown>
  /** Resolved when the scripts have said so much. */
  untilTold: (times: number) => Promise<void>
  /** As a user closes it. */
  close: () => Promise<void>
}

/** A tab with the gateway's empty page, of a user who has not been here before. */
export async function openTab (t: Ending, browser: Browser, url: string): Promise<Tab> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const told: unknown[] = []
  await page.exposeFunction('tell', (what: unknown) => { told.push(what) })
  await page.goto(url + BLANK)
  return {
    told,
    run: async script => await page.evaluate(script),
    untilTold: async times => { await until(() => told.length >= times, `${times} words of the page, which has said ${JSON.stringify(told)}`) },
    close: async () => { await page.close() }
  }
}
