/** What the workflows of GitHub may do: a package that the tests use must not get at the token that publishes. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { ROOT } from '../helpers/root.js'

interface Step { uses?: string, run?: string, env?: Record<string, string> }
interface Job { permissions?: Record<string, string>, environment?: string, needs?: string[], steps: Step[] }
interface Workflow { permissions: Record<string, string>, jobs: Record<string, Job> }

const folder = join(ROOT, '.github', 'workflows')
const texts = Object.fromEntries(readdirSync(folder).map(name => [name, readFileSync(join(folder, name), 'utf8')]))

t.test('every action is pinned by the hash of a commit, with its version beside it', async t => {
  for (const [name, text] of Object.entries(texts)) {
    const lines = text.split('\n').filter(line => /^\s*(?:- )?uses:/.test(line))
    t.ok(lines.length > 0, name)
    for (const line of lines) t.match(line, /uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${name}: ${line.trim()}`)
  }
})

t.test('a job with a secret or a permission to sign runs nothing of the repository or its dependencies', async t => {
  const trusted: string[] = []
  for (const [name, text] of Object.entries(texts)) {
    const { permissions, jobs } = parse(text) as Workflow
    t.notMatch(JSON.stringify(permissions), /write/, `${name}: no permission for all jobs`)
    for (const [id, job] of Object.entries(jobs)) {
      const holds = /secrets\./.test(JSON.stringify(job)) || job.environment !== undefined || Object.values(job.permissions ?? {}).includes('write')
      if (!holds) continue
      trusted.push(`${name}: ${id}`)
      for (const { uses = '', run = '' } of job.steps) {
        t.notMatch(uses, /checkout/, `${id}: ${uses}`)
        t.notMatch(run, /npm (?:ci|i|install|run|test|exec|pack)\b|npx|node /, `${id}: ${run}`)
        if (/npm publish/.test(run)) t.match(run, /--ignore-scripts/)
      }
    }
  }
  t.strictSame(trusted, ['release.yml: publish'])
})

t.test('nothing is published that was not tested', async t => {
  const { jobs } = parse(texts['release.yml']!) as Workflow
  t.strictSame(jobs.publish!.needs, ['test', 'pack'])
  t.match(jobs.test!.steps.map(({ run }) => run).join('\n'), /npm run test-without-coverage/)
})
