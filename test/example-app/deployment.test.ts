/** What starts the gateway elsewhere: a container's recipe, a unit of systemd, and the question whether it is alive. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { startTarget } from '../helpers/servers.js'
import { startConfigured, startProgram } from './helper.js'
import { ROOT } from '../helpers/root.js'

t.test('the recipe of the container copies what is there, runs as nobody in particular, and hears signals', async t => {
  const text = readFileSync(`${ROOT}example-app/Dockerfile`, 'utf8')
  const lines = text.replace(/\\\n/g, ' ').split('\n').filter(line => /^[A-Z]/.test(line)).map(line => /^(\S+) (.*)$/.exec(line)!.slice(1) as [string, string])
  const of = (instruction: string): string[] => lines.filter(([name]) => name === instruction).map(([, rest]) => rest)

  t.equal(of('FROM').length, 2, 'what builds it is not in it')
  const ignored = readFileSync(`${ROOT}.dockerignore`, 'utf8').trim().split('\n')
  for (const copy of of('COPY')) {
    const sources = copy.split(' ').slice(0, -1)
    if (sources[0]!.startsWith('--from')) continue
    for (const source of sources) t.ok(existsSync(`${ROOT}${source}`) && !ignored.includes(source), source)
  }
  t.same(of('USER'), ['node'])
  // In brackets: no shell stands between Docker and the gateway.
  const commands = [of('CMD').at(-1)!, /CMD (\[.*\])$/.exec(of('HEALTHCHECK')[0]!)![1]!].map(command => JSON.parse(command) as string[])
  for (const [program, path] of commands) {
    t.equal(program, 'node')
    t.ok(existsSync(`${ROOT}${path!}`), path!)
  }
})

t.test('the unit of systemd is one', async t => {
  const unit = `${ROOT}example-app/gateway.service`
  const { error, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  if (error === undefined) t.notMatch(stderr, /Unknown|Failed to parse|Invalid/i)
  const text = readFileSync(unit, 'utf8')
  for (const [, program] of text.matchAll(/^Exec\w+=\/usr\/bin\/node (\S+)/gm)) t.ok(existsSync(`${ROOT}${program!}`), program!)
})

t.test('alive is who answers, whatever its targets do', async t => {
  const target = await startTarget(t, 'a')
  const app = await startConfigured(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const config = app.child.spawnargs.at(-1)!
  const ask = (PORT: string): Promise<{ code: number | null }> => startProgram(t, 'dist/example-app/alive.js', [config], { PORT }).exited
  t.match(await ask(new URL(app.url).port), { code: 0 })
  t.equal(target.seen.length, 0, 'nobody was asked for it')
  const right = readFileSync(config)
  writeFileSync(config, '{ "upstream": {} }')
  t.match(await ask(new URL(app.url).port), { code: 0 }, 'a file with faults is no reason to end a gateway that serves by the one before')
  writeFileSync(config, right)
  app.child.kill('SIGTERM')
  await app.exited
  t.match(await ask(new URL(app.url).port), { code: 1 })
})
