/** What is published, and that nothing else is. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { ROOT } from '../helpers/root.js'

interface Manifest { main: string, types: string, bin: Record<string, string>, exports: Record<string, Entry> }

type Entry = string | { [condition: string]: Entry }

const files = (entry: Entry): string[] => typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(files)

t.test('the package is the build of lib and bin, with the pages about it', async t => {
  // Without scripts: what is built is what the other tests run.
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' })
  const packed = (JSON.parse(stdout) as [{ files: Array<{ path: string }> }])[0].files.map(({ path }) => path)
  const page = 'dist/lib/operations/dashboard/page/'
  const strangers = packed.filter(path => !/^(?:dist\/(?:lib|bin)\/.*\.(?:c?js|d\.c?ts)|package\.json|(?:README|CHANGELOG|SECURITY)\.md|LICENSE|docs\/(?:[\w-]+\.md|grafana\/\w+\.(?:json|yaml)))$/.test(path) && !path.startsWith(page))
  t.same(strangers, [])

  const { main, types, bin, exports } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as Manifest
  const entries = [main, types, ...Object.values(bin), ...files(exports)]
  for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs/options.md', 'docs/grafana/dashboard.json', `${page}index.html`, ...entries]) t.ok(packed.includes(path.replace(/^\.\//, '')), path)
})
