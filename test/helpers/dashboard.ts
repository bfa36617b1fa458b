/** The dashboard in a browser, as whoever looks at it has it. */
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { setTimeout as delay } from 'node:timers/promises'
import type { Ending } from './servers.js'

export interface Dashboard {
  page: Page
  /** What the browser complains of: errors of scripts, violations of the page's policy. */
  complaints: string[]
  row: (id: string) => Locator
  /** What a cell of the target's row says, by the column's heading. */
  cell: (id: string, column: string) => Promise<string>
  /** Of the three: `ready`, `drain` or `maintenance`. */
  stateButton: (id: string, state: string) => Locator
}

export async function openDashboard (t: Ending, browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Dashboard> {
  const context = await browser.newContext({ viewport: { width: 1680, height: 900 }, ...options })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', error => { complaints.push(error.message) })
  page.on('console', message => { if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text()) })
  await page.goto(`${url}/lb`)
  const row = (id: string): Locator => page.getByRole('row').filter({ has: page.getByRole('button', { name: id, exact: true }) })
  return {
    page,
    complaints,
    row,
    async cell (id, column) {
      const headings = await page.locator('thead').first().locator('th, td').allTextContents()
      return await row(id).locator('th, td').nth(headings.indexOf(column)).innerText()
    },
    stateButton: (id, state) => page.getByRole('group', { name: `State of ${id}`, exact: true }).getByRole('button', { name: state })
  }
}

/** Asks the page again and again: what it shows comes from the server once a second. */
export async function eventually (what: string, holds: () => Promise<boolean>, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms until ${what}`)
    await delay(100)
  }
}

/** Requests one after the other, so many at once, until the test ends. */
export function keepAsking (t: Ending, url: string, atOnce = 4): void {
  const asking = new AbortController()
  const ask = async (): Promise<void> => {
    while (!asking.signal.aborted) {
      await (await fetch(url)).text()
      await delay(20)
    }
  }
  const all = Array.from({ length: atOnce }, async () => { await ask().catch(() => {}) })
  t.teardown(async () => {
    asking.abort()
    await Promise.all(all)
  })
}

interface TraceEvent { name: string, ph: string, pid: number, tid: number, dur?: number, tdur?: number, args: { name?: string } }

/**
 * What the page's thread does from now on, be it script, layout or painting. The returned function ends that and resolves to its longest task, in
 * milliseconds: how long it took, and for how long of that it had a processor, which is what the page can do something about.
 */
export async function watchTasks (browser: Browser, page: Page): Promise<() => Promise<{ ms: number, cpuMs: number }>> {
  await browser.startTracing(page, { categories: ['toplevel'] })
  return async () => {
    const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
    const main = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid}/${tid}`)
    const tasks = traceEvents.filter(({ name, ph, pid, tid }) => name.endsWith('RunTask') && ph === 'X' && main.includes(`${pid}/${tid}`))
    if (tasks.length === 0) throw new Error('the browser has told of no task')
    const { dur = 0, tdur = 0 } = tasks.reduce((longest, task) => task.dur! > longest.dur! ? task : longest)
    return { ms: dur / 1_000, cpuMs: tdur / 1_000 }
  }
}
