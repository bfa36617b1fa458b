/** The dashboard in Chromium: what an operator sees and does, with a mouse, with a keyboard only, and with a thousand targets. */
import t from 'tap'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { needsChromium, startChromium } from '../helpers/chromium.js'
import { eventually, keepAsking, openDashboard, watchTasks } from '../helpers/dashboard.js'
import { refusedUrl, startGateway, startTarget, type Ending, type Gateway } from '../helpers/servers.js'
import type { LoadBalancerOptions } from '../../lib/index.js'
import { ROOT } from '../helpers/root.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Set to have the pictures of the documentation taken anew. */
const { SCREENSHOTS } = process.env
const IMAGES = `${ROOT}docs/images/`

const HOSTILE = '<img src=x onerror=alert(1)>'

/** Two targets that work, one that nobody answers at, and one with a name that wants to be markup. */
async function startShop (t: Ending, more: LoadBalancerOptions = {}): Promise<Gateway> {
  const [ash, birch] = [await startTarget(t, 'ash'), await startTarget(t, 'birch')]
  return await startGateway(t, {
    admin: { authorize: 'loopback' },
    upstreams: {
      shop: {
        policy: 'round-robin',
        targets: [{ id: 'ash', url: ash.url, tags: { zone: 'north' } }, { id: 'birch', url: birch.url, weight: 2 }, { id: 'dead', url: await refusedUrl() }, { id: HOSTILE, url: ash.url, weight: 0 }]
      }
    },
    routes: { '/shop': 'shop' },
    ...more
  })
}

t.test('in Chromium', needsChromium, async t => {
  const browser: Browser = await startChromium(t)

  t.test('a target is drained under load: its rate goes to zero, and comes back with Undo', async t => {
    const { app, url } = await startShop(t)
    keepAsking(t, `${url}/shop`)
    const { page, cell, stateButton, complaints } = await openDashboard(t, browser, url)
    const rate = async (id: string): Promise<number> => Number((await cell(id, 'Rate')).replace(',', ''))
    await eventually('birch has a rate', async () => await rate('birch') > 0)
    await stateButton('birch', 'drain').click()
    await eventually('it drains', async () => await cell('birch', 'Status') === 'draining')
    t.equal(app.upstreams.get('shop')!.targets.get('birch')!.state, 'drain')
    t.equal(await stateButton('birch', 'drain').getAttribute('aria-pressed'), 'true')
    await eventually('its rate is zero', async () => await rate('birch') === 0)
    t.ok(await rate('ash') > 0, 'the other has it all')
    t.equal(await page.locator('#notice-text').innerText(), 'birch: drain, was ready')
    await page.getByRole('button', { name: 'Undo' }).click()
    await eventually('it is back', async () => await cell('birch', 'Status') === 'up' && await rate('birch') > 0)
    t.equal(await page.locator('#notice-text').innerText(), 'undone: birch: drain, was ready')
    t.equal(app.upstreams.get('shop')!.targets.get('birch')!.state, 'ready')
    t.strictSame(complaints, [])
  })

  t.test('what is wrong is said in words, and read out', async t => {
    const { app, url } = await startShop(t)
    const { page, cell } = await openDashboard(t, browser, url)
    await page.getByText('live').waitFor()
    for (let i = 0; i < 20; i++) await (await fetch(`${url}/shop`)).text()
    await eventually('it is told why', async () => /^ejected: 5 × connection refused; back in \d+ s$/.test(await cell('dead', 'Status')))
    await eventually('it is read out', async () => (await page.getByRole('status').innerText()).includes('dead ejected: 5 × connection refused'))
    t.match(await page.locator('#events li').first().innerText(), /dead\s+ejected: 5 × connection refused/)
    for (const id of ['ash', 'birch']) app.upstreams.get('shop')!.update(id, { state: 'maintenance' })
    await page.getByText('panic: health is ignored, because too few targets are eligible').waitFor()
    t.equal(await page.locator('#panic').innerText(), 'panic: shop')
    t.equal(await cell('ash', 'Status'), 'maintenance')
    t.match(await cell(HOSTILE, 'Status'), /known clients only/)
  })

  t.test('probes are told with their reasons', async t => {
    const { url } = await startShop(t, {
      upstreams: { shop: { targets: [{ id: 'ok', url: (await startTarget(t, 'ok')).url }, { id: 'dead', url: await refusedUrl() }], health: { active: {} } } }
    })
    const { cell, page } = await openDashboard(t, browser, url)
    await page.getByText('live').waitFor()
    await eventually('the status says it', async () => await cell('dead', 'Status') === 'unhealthy: connection refused')
    t.match(await cell('dead', 'Last probe'), /^failed: connection refused, \d+ s ago$/)
    t.match(await cell('ok', 'Last probe'), /^status 200, \d+ s ago$/)
  })

  t.test('a name that is markup stays a name', async t => {
    const { url } = await startShop(t)
    const { page, complaints } = await openDashboard(t, browser, url)
    await page.getByRole('button', { name: HOSTILE, exact: true }).click()
    t.equal(await page.getByRole('dialog').getByRole('heading').innerText(), HOSTILE)
    t.equal(await page.locator('img').count(), 0)
    t.strictSame(complaints, [])
  })

  t.test('all of it works with the keyboard alone, and the focus stays while figures change', async t => {
    const { app, url } = await startShop(t)
    keepAsking(t, `${url}/shop`, 2)
    const shop = app.upstreams.get('shop')!
    const { page } = await openDashboard(t, browser, url)
    await page.getByRole('button', { name: 'birch', exact: true }).waitFor()
    const focused = async (): Promise<string> => await page.evaluate('document.activeElement.ariaLabel ?? document.activeElement.textContent') as string
    const tabTo = async (name: string): Promise<void> => {
      for (let i = 0; i < 60 && await focused() !== name; i++) await page.keyboard.press('Tab')
      t.equal(await focused(), name)
    }
    await tabTo('birch')
    await page.keyboard.press('Enter')
    t.equal(await page.getByRole('dialog').getByRole('heading').innerText(), 'birch')
    await page.keyboard.press('Escape')
    t.equal(await focused(), 'birch', 'closed, the dialog gives the focus back')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    t.equal(await focused(), 'drain')
    await page.keyboard.press('Space')
    await eventually('it drains', async () => shop.targets.get('birch')!.state === 'drain')
    await tabTo('Weight of birch')
    await page.keyboard.type('7')
    await page.keyboard.press('Enter')
    await eventually('it has its weight', async () => shop.targets.get('birch')!.weight === 7)
    const requests = shop.snapshot().targets[0]!.requests
    await eventually('figures have changed', async () => shop.snapshot().targets[0]!.requests > requests + 20)
    t.equal(await focused(), 'Weight of birch')
    await tabTo('Undo')
    // Twice, before the first is answered: two changes are taken back.
    let answer!: () => void
    const pressed = new Promise<void>(resolve => { answer = resolve })
    await page.route(/\/target\?/, async route => {
      await pressed
      await route.continue()
    })
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    answer()
    await eventually('the weight is back', async () => shop.targets.get('birch')!.weight === 2)
    await eventually('so is the state', async () => shop.targets.get('birch')!.state === 'ready')
    t.equal(await focused(), 'Undo')
  })

  t.test('a weight that is none is not sent, and what is written is not written over', async t => {
    const { app, url } = await startShop(t)
    const shop = app.upstreams.get('shop')!
    const { page } = await openDashboard(t, browser, url)
    const weight = page.getByLabel('Weight of birch')
    await weight.fill('300')
    await weight.press('Enter')
    shop.update('birch', { weight: 5 })
    await eventually('the change is told', async () => (await page.locator('#events li').first().innerText()).includes('weight 5'))
    t.equal(await weight.inputValue(), '300', 'somebody is writing')
    t.equal(shop.targets.get('birch')!.weight, 5)
    await weight.press('Escape')
    t.equal(await weight.inputValue(), '5')
    await weight.fill('9')
    await weight.blur()
    await eventually('the weight is taken', async () => shop.targets.get('birch')!.weight === 9)
  })

  t.test('a change that is refused is told, with the reason', async t => {
    const { app, url } = await startShop(t)
    const { page, stateButton } = await openDashboard(t, browser, url)
    await stateButton('ash', 'drain').waitFor()
    await page.route('**/target?*', async route => {
      void app.upstreams.get('shop')!.remove('ash', { drainMs: 0 })
      await route.continue()
    })
    await stateButton('ash', 'drain').click()
    await page.getByText('ash was not changed: no target "ash" in shop').first().waitFor()
    await page.getByRole('button', { name: 'ash', exact: true }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Dismiss' }).click()
    t.notOk(await page.locator('#notice').isVisible())
  })

  t.test('rows are filtered and sorted, and do not move under the pointer', async t => {
    const { app, url } = await startShop(t)
    const shop = app.upstreams.get('shop')!
    const { page, stateButton } = await openDashboard(t, browser, url)
    await page.getByRole('button', { name: 'birch', exact: true }).waitFor()
    const names = async (): Promise<string[]> => await page.locator('tbody th').allInnerTexts()
    const shows = async (...expected: string[]): Promise<void> => {
      await eventually(`there are ${expected.join(', ')}`, async () => JSON.stringify(await names()) === JSON.stringify(expected))
    }
    await page.getByLabel('Filter targets').fill('north')
    await shows('ash')
    t.equal(await page.locator('#shown').innerText(), '1 of 4 targets')
    await page.getByLabel('Filter targets').fill('nobody')
    await page.getByText('No target passes the filter.').waitFor()
    await page.getByLabel('Filter targets').fill('')
    await page.getByLabel('Problems only').check()
    await shows(HOSTILE)
    await page.getByLabel('Problems only').uncheck()
    const header = page.getByRole('columnheader', { name: 'Weight' })
    await header.getByRole('button').click()
    t.equal(await header.getAttribute('aria-sort'), 'descending')
    await shows('birch', 'ash', 'dead', HOSTILE)
    await stateButton('ash', 'ready').hover()
    shop.update('ash', { weight: 9 })
    await eventually('the weight is shown', async () => await page.getByLabel('Weight of ash').inputValue() === '9')
    t.strictSame(await names(), ['birch', 'ash', 'dead', HOSTILE], 'the pointer is among them')
    await page.getByRole('heading', { name: 'Load balancer' }).hover()
    await shows('ash', 'birch', 'dead', HOSTILE)
    await header.getByRole('button').click()
    t.equal(await header.getAttribute('aria-sort'), 'ascending')
    await shows(HOSTILE, 'dead', 'birch', 'ash')
    await header.getByRole('button').click()
    t.equal(await header.getAttribute('aria-sort'), 'none')
    await shows('ash', 'birch', 'dead', HOSTILE)
    for (const name of ['Target', 'Status', 'In flight', 'Rate', 'Errors', 'p50', 'p99', 'Last probe']) {
      await page.getByRole('columnheader', { name }).getByRole('button').click()
      t.equal((await names()).length, 4, name)
    }
  })

  t.test('who may only look finds nothing to change', async t => {
    const { url } = await startShop(t, { admin: { authorize: (_request, { write }) => !write && 'rita' } })
    const { page, cell, complaints } = await openDashboard(t, browser, url)
    await page.getByText('read-only').waitFor()
    await page.getByText('you are rita').waitFor()
    t.equal(await page.locator('tbody').getByRole('spinbutton').count(), 0)
    t.equal(await page.getByRole('group').count(), 0)
    t.equal(await cell('birch', 'State'), 'ready')
    t.equal(await cell('birch', 'Weight'), '2')
    t.strictSame(complaints, [])
  })

  t.test('a server that goes is missed, and one that comes back is found', async t => {
    const first = await startShop(t)
    const { page, row } = await openDashboard(t, browser, first.url)
    await page.getByText('live').waitFor()
    await first.app.close()
    await page.getByText('connection lost, trying again').waitFor()
    const next = await startShop(t)
    // As whoever restarts it does: at the same address.
    await next.app.close()
    const { default: Fastify } = await import('fastify')
    const { default: loadBalancer } = await import('../../lib/index.js')
    const app = Fastify({ forceCloseConnections: true })
    t.teardown(() => app.close())
    await app.register(loadBalancer, { admin: { authorize: 'loopback' }, upstreams: { other: { targets: [{ id: 'new', url: 'http://127.0.0.1:1' }] } } })
    await app.listen({ port: Number(new URL(first.url).port), host: '127.0.0.1' })
    await row('new').waitFor()
    t.equal(await page.getByText('live').count(), 1)
    t.equal(await page.getByRole('heading', { name: 'shop' }).count(), 0)
  })

  t.test('upstreams and targets come and go', async t => {
    const { app, url } = await startShop(t)
    const { page, row } = await openDashboard(t, browser, url)
    await row('ash').waitFor()
    app.upstreams.add('empty', {})
    await page.getByText('No targets.').waitFor()
    app.upstreams.get('empty')!.add({ id: 'elm', url: 'http://127.0.0.1:1' })
    await row('elm').waitFor()
    await app.upstreams.remove('empty')
    await page.getByRole('heading', { name: 'empty' }).waitFor({ state: 'detached' })
    void app.upstreams.get('shop')!.remove('ash')
    await row('ash').waitFor({ state: 'detached' })
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    t.test(`axe-core finds nothing, in ${colorScheme}`, async t => {
      const { app, url } = await startShop(t)
      for (let i = 0; i < 20; i++) await (await fetch(`${url}/shop`)).text()
      const { page, stateButton, row } = await openDashboard(t, browser, url, { colorScheme })
      await row('dead').waitFor()
      await stateButton('ash', 'maintenance').click()
      await page.getByRole('button', { name: 'Undo' }).waitFor()
      await page.getByRole('columnheader', { name: 'Rate' }).getByRole('button').click()
      t.strictSame(await violations(page), [])
      for (const id of ['birch']) app.upstreams.get('shop')!.update(id, { state: 'drain' })
      await page.locator('#panic').waitFor()
      await page.getByRole('button', { name: 'dead', exact: true }).click()
      t.strictSame(await violations(page), [], 'with the dialog')
      await page.setViewportSize({ width: 800, height: 700 })
      await page.keyboard.press('Escape')
      t.strictSame(await violations(page), [], 'on a small screen')
    })
  }

  t.test('a thousand targets', async t => {
    const targets = Array.from({ length: 1_000 }, (_, i) => ({ id: `node-${i}`, url: 'http://127.0.0.1:1', weight: 1 + i % 5 }))
    const { app, url } = await startShop(t, { upstreams: { many: { targets } }, routes: {} })
    const many = app.upstreams.get('many')!
    const { page, row } = await openDashboard(t, browser, url)
    await row('node-0').waitFor()
    t.equal(await page.locator('#shown').innerText(), '1,000 targets')
    t.ok(await page.locator('tr.target').count() < 80, 'few of them are in the page')
    t.equal(await page.getByRole('table').getAttribute('aria-rowcount'), '1001')

    const longest = await watchTasks(browser, page)
    await page.getByLabel('Weight of node-3', { exact: true }).focus()
    for (let second = 1; second <= 5; second++) {
      for (const { id } of targets) many.update(id, { weight: second * 10 })
      await eventually('all have changed', async () => await page.getByLabel('Weight of node-5', { exact: true }).inputValue() === String(second * 10))
    }
    await page.evaluate('scrollTo(0, document.body.scrollHeight)')
    await row('node-999').waitFor()
    t.equal(await page.evaluate('document.activeElement.ariaLabel'), 'Weight of node-3', 'the focus is where it was, out of sight')
    t.ok(await page.locator('tr.target').count() < 80)
    t.equal(await row('node-999').getAttribute('aria-rowindex'), '1001')
    await page.getByLabel('Filter targets').fill('node-77')
    await row('node-770').waitFor()
    t.equal(await page.locator('#shown').innerText(), '11 of 1,000 targets')
    const { ms, cpuMs } = await longest()
    t.comment(`longest task of the page's thread while a thousand targets change every second: ${ms.toFixed(0)} ms, ${cpuMs.toFixed(0)} of them on a processor`)
    t.ok(cpuMs < 200, 'nobody has to wait for the page')
  })

  // Not a test, but what the documentation shows.
  if (SCREENSHOTS !== undefined) {
    t.test('pictures for the documentation', async t => {
      const [ash, birch, cedar] = await Promise.all([3, 8, 40].map(async (ms, i) => await startTarget(t, ['ash', 'birch', 'cedar'][i]!, (_seen, _request, response) => {
        setTimeout(() => { response.end('ok') }, ms * (0.5 + Math.random()))
      })))
      const { app, url } = await startGateway(t, {
        admin: { authorize: 'loopback' },
        upstreams: {
          shop: {
            policy: 'round-robin',
            health: { active: { interval: 3_000 } },
            targets: [{ id: 'ash', url: ash!.url }, { id: 'birch', url: birch!.url, weight: 2 }, { id: 'cedar', url: cedar!.url }, { id: 'dogwood', url: await refusedUrl() }]
          },
          search: { targets: [{ id: 'elm', url: birch!.url }, { id: 'fir', url: await refusedUrl() }, { id: 'ginkgo', url: ash!.url }], limits: { maxRequests: 20 } }
        },
        routes: { '/shop': 'shop', '/search': 'search' }
      })
      keepAsking(t, `${url}/shop`, 3)
      keepAsking(t, `${url}/search`, 2)
      mkdirSync(IMAGES, { recursive: true })
      const pages = await Promise.all((['light', 'dark'] as const).map(async colorScheme => ({
        colorScheme, ...await openDashboard(t, browser, url, { colorScheme, viewport: { width: 1500, height: 800 } })
      })))
      await eventually('there is something to see', async () => (await pages[0]!.page.locator('.spark polyline').first().getAttribute('points') ?? '').split(' ').length >= 45, 120_000)
      app.upstreams.get('search')!.update('ginkgo', { weight: 3 })
      await pages[0]!.stateButton('cedar', 'drain').click()
      await eventually('it drains', async () => await pages[1]!.cell('cedar', 'Status') === 'draining')
      for (const { page, colorScheme } of pages) await page.screenshot({ path: `${IMAGES}dashboard-${colorScheme}.png` })
    })
  }
})

/** What axe-core objects to, as one line each. */
async function violations (page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate('axe.run()') as { violations: Array<{ id: string, help: string, nodes: Array<{ html: string }> }> }
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
}
