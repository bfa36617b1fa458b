/** No page is left out: what has snippets has a test that runs them. */
import t from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { GUIDES, readPage } from './harness/pages.js'

t.test('every page with snippets has a test of its name that goes through all of them', async t => {
  const pages = GUIDES.filter(path => readPage(path).fences.some(({ lang }) => lang === 'js' || lang === 'ts'))
  t.ok(pages.length > 15)
  const untested = pages.filter(path => {
    const test = `test/docs/${path.split('/').at(-1)!.replace('.md', '').toLowerCase()}.test.ts`
    return !existsSync(test) || !readFileSync(test, 'utf8').includes(`new Guide('${path}')`) || !/\.complete\(t\)/.test(readFileSync(test, 'utf8'))
  })
  t.strictSame(untested, [])
})
