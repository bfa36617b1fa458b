/** Whoever follows a link arrives. */
import t from 'tap'
import { existsSync } from 'node:fs'
import { dirname, normalize } from 'node:path'
import { GUIDES, readPage } from './harness/pages.js'

const PAGES = [...GUIDES, 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md', 'example-app/README.md']

t.test('every link within the repository leads to a file, and to a heading that is there', async t => {
  const lost: string[] = []
  for (const path of PAGES) {
    for (const { to, line } of readPage(path).links) {
      if (/^(?:https?|mailto):/.test(to)) continue
      const [file, anchor] = to.split('#', 2) as [string, string?]
      const target = file === '' ? path : normalize(`${dirname(path)}/${file}`)
      if (!existsSync(target)) lost.push(`${path}:${line}: there is no ${target}`)
      else if (anchor !== undefined && target.endsWith('.md') && !readPage(target).anchors.has(anchor)) lost.push(`${path}:${line}: ${target} has no #${anchor}`)
    }
  }
  t.strictSame(lost, [])
})

t.test('every page can be found from the index', async t => {
  const linked = new Set(readPage('docs/README.md').links.map(({ to }) => normalize(`docs/${to.split('#', 1)[0]!}`)))
  t.strictSame(GUIDES.filter(path => path.startsWith('docs/') && path !== 'docs/README.md' && !linked.has(path)), [])
})
