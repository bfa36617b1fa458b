/** What is published, and that nothing else is. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

t.test('npm pack builds first, so that a clean clone yields a package with code', async t => {
  const clone = mkdtempSync(join(tmpdir(), 'clone-'))
  t.teardown(() => { rmSync(clone, { recursive: true }) })
  for (const name of ['package.json', 'tsconfig.json', 'README.md', 'lib', 'bin', 'example-app', 'package']) cpSync(`${ROOT}${name}`, join(clone, name), { recursive: true })
  symlinkSync(`${ROOT}node_modules`, join(clone, 'node_modules'))
  // Without what the test runner puts into NODE_OPTIONS of all its children.
  const { stdout, stderr } = spawnSync('env', ['-u', 'NODE_OPTIONS', 'npm', 'pack', '--dry-run', '--json'], { cwd: clone, encoding: 'utf8' })
  // What the build says comes before.
  const names = (JSON.parse(stdout.slice(stdout.search(/^\[/m))) as [{ files: Array<{ path: string }> }])[0].files.map(({ path }) => path)
  for (const name of ['dist/lib/index.js', 'dist/lib/index.cjs', 'dist/lib/index.d.cts', 'dist/bin/main.js']) t.ok(names.includes(name), `${name}: ${stderr}`)
})

t.test('every dependency supports the oldest version of Node that the package names', async t => {
  const read = (name: string): any => JSON.parse(readFileSync(`${ROOT}${name}`, 'utf8'))
  const { engines: { node } } = read('package.json')
  t.equal(node, '>=20.19.0')
  const packages = Object.entries<{ dev?: boolean, engines?: { node?: string } }>(read('package-lock.json').packages)
  const tooNew = packages.filter(([, { dev, engines }]) => {
    const [, major = '0', minor = '0'] = /^>=\s*(\d+)(?:\.(\d+))?/.exec(engines?.node ?? '') ?? []
    return dev !== true && (Number(major) > 20 || (Number(major) === 20 && Number(minor) > 19))
  })
  t.same(tooNew.map(([path]) => path), [])
})
