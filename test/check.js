/**
 * `npm run check`: what a change needs before it is committed, in under a minute: lint and types of everything, and the tests that import a changed
 * file directly or mirror it by name. `npm test` runs the rest.
 *
 *     --since main   what has changed since that commit; by default what is not committed yet
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseArgs } from 'node:util'

const { values: { since } } = parseArgs({ options: { since: { type: 'string', default: 'HEAD' } } })
const git = (...words) => execFileSync('git', words, { encoding: 'utf8' }).split('\n').filter(line => line !== '')

const changed = new Set([...git('diff', '--name-only', '--diff-filter=d', since), ...git('ls-files', '--others', '--exclude-standard')])
const tests = git('ls-files', '--cached', '--others', '--exclude-standard', 'test/*.test.ts').filter(concerned)

step('npm', 'run', '--silent', 'lint')
step('npm', 'run', '--silent', 'typecheck')
if (tests.length > 0) {
  step('npm', 'run', '--silent', 'build')
  step('npm', 'run', '--silent', 'build-tests')
  step('npx', 'tap', '--disable-coverage', '--reporter=dot', ...tests.map(test => `build/${test.replace(/ts$/, 'js')}`))
}

/** The test itself has changed, the file that it mirrors, or one that it imports. */
function concerned (test) {
  if (changed.has(test) || changed.has(test.replace(/^test/, 'lib').replace('.test.ts', '.ts'))) return true
  return [...readFileSync(test, 'utf8').matchAll(/ from '(\.[^']+)\.js'/g)].some(([, path]) => changed.has(normalize(join(dirname(test), `${path}.ts`))))
}

function step (...words) {
  console.log(`\n== ${words.slice(0, 4).join(' ')}${words.length > 4 ? ` … (${words.length - 4} more)` : ''}`)
  const { status } = spawnSync(words[0], words.slice(1), { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
