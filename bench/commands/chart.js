/** Draws what another command wrote with `--json`. */
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { drawn } from '../charts/drawn.js'

const HELP = `npm run bench -- chart file.json out.svg
  the file is what \`npm run bench -- --json file.json\` wrote, or the same of features or growth`

export async function run (args) {
  const { values, positionals: [from, to] } = parseArgs({ args, allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help || to === undefined) {
    console.log(HELP)
    return
  }
  await writeFile(to, drawn(JSON.parse(await readFile(from, 'utf8'))))
}
