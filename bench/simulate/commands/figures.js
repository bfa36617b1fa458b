/** The charts and tables of docs/policies.md: `npm run simulate -- figures`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { figures } from '../figures/index.js'
import { HELP, parsed, progress } from '../options.js'

export async function run (args) {
  const options = parsed(args, { to: { type: 'string', default: 'docs/images' } })
  if (options.help) {
    console.log(`npm run simulate -- figures [options]\n  --to folder    where the charts go (docs/images)\n${HELP}`)
    return
  }
  const all = {}
  await mkdir(options.to, { recursive: true })
  for (const { file, draw } of figures) {
    const { svg, markdown, data } = await draw({ ...options, progress: (done, all) => progress(`${file}: ${done} of ${all}`) })
    progress('')
    await writeFile(join(options.to, file), svg)
    console.log(`${markdown}\n`)
    all[file] = data
  }
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify({ seeds: options.seeds, quick: options.quick === true, figures: all }) + '\n')
}
