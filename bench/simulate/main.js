/** `npm run simulate [-- command] [-- options]`: a command is a file in commands/. */
import { readdir } from 'node:fs/promises'

const args = process.argv.slice(2)
const name = args[0] === undefined || args[0].startsWith('-') ? (args.some(arg => /^--pool(=|$)/.test(arg)) ? 'pool' : 'workloads') : args.shift()

const commands = (await readdir(new URL('commands/', import.meta.url))).map(file => file.replace(/\.js$/, ''))
if (!commands.includes(name)) {
  console.error(`no command ${JSON.stringify(name)}; there are ${commands.join(', ')}`)
  process.exit(2)
}

const { run } = await import(`./commands/${name}.js`)
try {
  await run(args)
} catch (error) {
  // A wrong option or description is the user's to put right; anything else needs its stack.
  const users = error.code?.startsWith('ERR_PARSE_ARGS') || error.code === 'FST_LB_INVALID_OPTIONS' || error instanceof RangeError
  console.error(users ? error.message : error)
  process.exitCode = 1
}
