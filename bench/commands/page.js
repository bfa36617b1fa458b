/** Writes what other commands have measured into docs/performance.md, and draws its chart. */
import { readFile, writeFile, mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { drawn } from '../charts/drawn.js'
import { blocks } from '../page/blocks.js'

const PAGE = new URL('../../docs/performance.md', import.meta.url)
const CHART = new URL('../../docs/images/performance.svg', import.meta.url)

const HELP = `npm run bench -- page file.json …
  the files are what \`npm run bench -- --json file.json\` wrote, or the same of features, memory or growth; parts of the page without a file stay as they are`

export async function run (args) {
  const { values, positionals: files } = parseArgs({ args, allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help || files.length === 0) {
    console.log(HELP)
    return
  }
  let page = await readFile(PAGE, 'utf8')
  for (const file of files) {
    const record = JSON.parse(await readFile(file, 'utf8'))
    for (const [name, content] of Object.entries(blocks(record))) page = replaced(page, name, content)
    if (record.command !== 'proxy') continue
    await mkdir(new URL('.', CHART), { recursive: true })
    await writeFile(CHART, drawn(record))
  }
  await writeFile(PAGE, page)
}

/** The page with this content between the two comments that name the block. */
function replaced (page, name, content) {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->\n`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || to < from) throw new RangeError(`docs/performance.md has no block ${name}`)
  return `${page.slice(0, from)}${begin}\n${content}\n\n${page.slice(to)}`
}
