/** The command, as a shell has it. */
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { get, refusal, startProgram, until, type App } from '../example-app/helper.js'
import { run } from '../helpers/programs.js'
import { startTarget, type Ending } from '../helpers/servers.js'
import { ROOT } from '../helpers/root.js'

const PROGRAM = 'dist/bin/main.js'

async function started (t: Ending, args: string[]): Promise<App & { url: string }> {
  const app = startProgram(t, PROGRAM, ['--listen', '0', ...args])
  const [, url] = await app.says(/^(http:\S+) → /)
  return { ...app, url: url! }
}

const execute = (...args: string[]): ReturnType<typeof run> => run(process.execPath, [`${ROOT}${PROGRAM}`, ...args], { env: {} })

t.test('one line starts a gateway before two targets', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const app = await started(t, ['--to', a.url, '--to', `${b.url}#weight=2,id=b`, '--policy', 'round-robin', '--affinity', '--dashboard'])
  t.equal(app.stdout(), `${app.url} → ${a.url}, ${b.url} (round-robin)\n`)
  t.match(app.stderr(), /affinity\.cookie has no secret/)
  const answers: string[] = []
  for (let i = 0; i < 6; i++) answers.push((await get(`${app.url}/x`)).body)
  t.same(answers.sort(), ['a', 'a', 'b', 'b', 'b', 'b'])
  t.match((await get(app.url)).headers['set-cookie'], [/^lb_gateway=/])
  t.match(await get(`${app.url}/lb/`), { status: 200, body: /<title>Load balancer<\/title>/ })
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} lets a request in flight end; a second one does not`, async t => {
    const waiting: ServerResponse[] = []
    const target = await startTarget(t, 'slow', (_seen, _request, response) => { waiting.push(response) })
    const patient = await started(t, ['--to', target.url])
    const answer = fetch(patient.url).then(async response => [response.status, await response.text()])
    await until('the target has it', () => waiting.length === 1)
    patient.child.kill(signal)
    await refusal(patient.url)
    waiting[0]!.end('in the end')
    t.same(await answer, [200, 'in the end'])
    t.same(await patient.exited, { code: 0, signal: null })
    t.equal(patient.stderr(), '')

    const hurried = await started(t, ['--to', target.url])
    const cut = t.rejects(get(hurried.url))
    await until('the target has it', () => waiting.length === 2)
    hurried.child.kill(signal)
    await refusal(hurried.url)
    hurried.child.kill(signal)
    t.same(await hurried.exited, { code: 1, signal: null })
    await cut
  })
}

t.test('faults are told together, and nothing is started', async t => {
  const { exit, stdout, stderr } = await execute('--to', 'ftp://a', '--policy', 'rr')
  t.equal(exit, 2)
  t.equal(String(stdout), '')
  t.match(stderr, /^--to\[0\]\.url: expected a url.*\n--policy: expected a policy: .*\n\n--help says what there is\.\n$/)
})

t.test('a port that is taken', async t => {
  const { port, url } = await startTarget(t, 'squatter')
  const { exit, stderr } = await execute('--to', url, '--listen', String(port))
  t.equal(exit, 1)
  t.match(stderr, /EADDRINUSE/)
})

t.test('help and version', async t => {
  t.match(await execute('--help'), { exit: 0, stdout: /^Usage: fastify-load-balancer --to/, stderr: '' })
  t.match(await execute('--version'), { exit: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' })
})

t.test('with a delay, the command serves after SIGTERM while its readiness page says no', async t => {
  const target = await startTarget(t, 'a')
  const app = await started(t, ['--to', target.url, '--ready', '/ready', '--shutdown-delay', '1s'])
  t.match(await get(`${app.url}/ready`), { status: 200, body: 'ready' })
  app.child.kill('SIGTERM')
  const status = async (): Promise<number> => (await fetch(`${app.url}/ready`)).status
  while (await status() !== 503) await new Promise(resolve => setImmediate(resolve))
  t.match(await get(`${app.url}/x`), { status: 200, body: 'a' }, 'requests are served meanwhile')
  t.same(await app.exited, { code: 0, signal: null })
  await refusal(app.url)
})

t.test('a second signal does not wait for the delay', async t => {
  const target = await startTarget(t, 'a')
  const app = await started(t, ['--to', target.url, '--ready', '/ready', '--shutdown-delay', '10m'])
  app.child.kill('SIGTERM')
  while ((await fetch(`${app.url}/ready`)).status !== 503) await new Promise(resolve => setImmediate(resolve))
  app.child.kill('SIGTERM')
  t.same(await app.exited, { code: 1, signal: null })
})
