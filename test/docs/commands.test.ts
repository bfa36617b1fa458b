/** Every command that the pages show is run by a test, or it is said here why not. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { GUIDES, readPage } from './harness/pages.js'

/** What begins so is run in that test, or is not run for that reason. */
const COMMANDS: Array<{ begins: string, in: string } | { begins: string, why: string }> = [
  { begins: 'npm install fastify fastify-load-balancer', in: 'test/package/installed.test.ts' },
  { begins: 'npx fastify-load-balancer --to', in: 'test/bin/main.test.ts' },
  { begins: 'npm ci && npm start', in: 'test/example-app/demo.test.ts' },
  { begins: 'npm ci && npm test', why: 'it is what runs this' },
  { begins: 'npm run bench', why: 'measures for minutes; its parts are imported by nothing else' },
  { begins: 'npm run simulate -- --pool', in: 'test/simulate/commands.test.ts' },
  { begins: 'npm run faults', in: 'test/faults/kill.test.ts' },
  { begins: 'npm run soak', why: 'takes minutes; .ci/run runs one of them' },
  { begins: 'npm run mutants', why: 'takes minutes' },
  { begins: 'curl localhost:3000/lb/upstreams/shop', in: 'test/docs/admin.test.ts' },
  { begins: 'curl -X PATCH', in: 'test/docs/admin.test.ts' },
  { begins: 'redis-cli HSET', in: 'test/docs/discovery.test.ts' },
  { begins: 'redis-cli PUBLISH', in: 'test/docs/discovery.test.ts' },
  { begins: 'curl -s -H', in: 'test/docs/behind-a-proxy.test.ts' }
]

interface Command { text: string, where: string }

const commands: Command[] = []
for (const path of GUIDES) {
  for (const { lang, code, line } of readPage(path).fences) {
    if (lang !== 'sh') continue
    for (const text of code.replaceAll('\\\n', ' ').split('\n')) if (text.trim() !== '' && !text.startsWith('#')) commands.push({ text, where: `${path}:${line}` })
  }
}

t.test('every command is in the table', async t => {
  t.ok(commands.length > 0)
  t.strictSame(commands.filter(({ text }) => !COMMANDS.some(({ begins }) => text.startsWith(begins))), [])
})

t.test('what is in the table is on a page, and the tests that are named there run it', async t => {
  t.strictSame(COMMANDS.filter(({ begins }) => !commands.some(({ text }) => text.startsWith(begins))), [])
  for (const command of COMMANDS) {
    if ('in' in command && command.in.startsWith('test/docs/')) t.ok(readFileSync(command.in, 'utf8').includes(command.begins), `${command.in} runs ${command.begins}`)
  }
})

t.test('scripts of npm that are named are there', async t => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  const named = commands.flatMap(({ text }) => [...text.matchAll(/npm run ([\w-]+)/g)].map(([, name]) => name!))
  t.strictSame(named.filter(name => scripts[name] === undefined), [])
})
