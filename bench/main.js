/** `npm run bench [-- command] [-- options]`: a command is a file in commands/. */
import { readdir } from 'node:fs/promises'

const FALLBACK = 'proxy'

const [first = FALLBACK, ...others] = process.argv.slice(2)
const [name, args] = first.startsWith('-') ? [FALLBACK, [first, ...others]] : [first, others]

const files = await readdir(new URL('commands/', import.meta.url))
const commands = files.map(file => file.replace(/\.js$/, ''))
if (!commands.includes(name)) {
  console.error(`no command ${JSON.stringify(name)}; there are ${commands.join(', ')}`)
  process.exit(2)
}

const { run } = await import(`./commands/${name}.js`)
try {
  await run(args)
} catch (error) {
  // A wrong option is the user's to put right; anything else needs its stack.
  console.error(error.code?.startsWith('ERR_PARSE_ARGS') || error instanceof RangeError ? error.message : error)
  process.exitCode = 1
}
