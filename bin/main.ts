#!/usr/bin/env node
/** `npx fastify-load-balancer --to http://a --to http://b --listen 3000`: a gateway before two servers, without a file or a line of code. */
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import loadBalancer from '../lib/index.js'
import { commandOf, CommandLineError, type Gateway } from './command-line.js'
import { HELP } from './help.js'
import { Readiness } from './readiness.js'
import { stopOnSignal } from './stop.js'

/** What a shell's user takes for "you have typed something wrong". */
const WRONG_USE = 2

async function main (): Promise<void> {
  const command = commandOf(process.argv.slice(2), process.env)
  if (command === 'help') process.stdout.write(HELP)
  else if (command === 'version') process.stdout.write(`${version()}\n`)
  else await run(command)
}

async function run ({ listen, logLevel, balancer, words, ready, shutdownDelay }: Gateway): Promise<void> {
  // stdout says where it listens; a script may read that.
  const app = Fastify({ logger: { level: logLevel, stream: process.stderr } })
  await app.register(loadBalancer, balancer)
  const readiness = new Readiness(app, ready)
  const address = await app.listen({ ...listen, listenTextResolver: address => address })
  stopOnSignal(app, () => readiness.leave(shutdownDelay))
  process.stdout.write(`${address} → ${words}\n`)
}

function version (): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}

main().catch((error: Error) => {
  const wrongUse = error instanceof CommandLineError
  process.stderr.write(`${error.message}\n${wrongUse ? '\n--help says what there is.\n' : ''}`)
  process.exitCode = wrongUse ? WRONG_USE : 1
})
