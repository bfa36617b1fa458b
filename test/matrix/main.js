/**
 * `npm run matrix`: the tests with every version of Node that is supported, one after the other, and what fails with which. The versions are
 * npm's own packages of Node, in a temporary folder.
 *
 *     --node 22,24                                    some of the versions
 *     npm run matrix -- build/test/plugin/*.test.js   some of the tests
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ options: { node: { type: 'string', default: '20.19,22,24,26' } }, allowPositionals: true })
const versions = values.node.split(',')
const tap = join(process.cwd(), 'node_modules', '.bin', 'tap')

const folder = mkdtempSync(join(tmpdir(), 'matrix-'))
try {
  install()
  for (const version of versions) await test(version)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function install () {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  // The package `node` would fetch these by a script of its own.
  const packages = versions.map(version => `${alias(version)}@npm:node-${process.platform}-${process.arch}@${version}`)
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--silent', '--ignore-scripts', ...packages], { cwd: folder, stdio: 'inherit' })
  if (status !== 0) throw new Error(`npm cannot install ${packages.join(' ')}`)
}

function alias (version) {
  return `node-${version}`
}

async function test (version) {
  const bin = join(folder, 'node_modules', alias(version), 'bin')
  // Programs that tests start are to be of this version, too.
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const words = [tap, '--disable-coverage', '--reporter=tap', ...positionals]
  const child = spawn(join(bin, 'node'), words, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.on('data', chunk => { output += chunk })
  const code = await new Promise(resolve => child.once('close', resolve))
  const counts = /^# (\{ total: .* \})$/m.exec(output)?.[1] ?? 'it came to no end'
  console.log(`\nNode ${spawnSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' }).stdout.trim()}: ${counts}`)
  // The names of what failed, from the file down to the assertion.
  for (const [line] of output.matchAll(/^ *not ok .*$/gm)) console.log(line.replace(/ # time=.*/, ''))
  if (code !== 0) process.exitCode = 1
}
