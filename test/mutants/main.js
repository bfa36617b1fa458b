/**
 * `npm run mutants`: takes one rule after the other out of a copy of lib and runs the tests that should notice. A rule that can go without a
 * test failing is not tested.
 *
 *     --only cookie,queue   rules whose name contains one of these
 *     --list                their names
 */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { rules } from './rules.js'

/** Milliseconds for the tests of one rule; a rule whose absence makes them hang was noticed. */
const PATIENCE = 60_000

const { values } = parseArgs({ options: { only: { type: 'string' }, list: { type: 'boolean', default: false } } })
const words = values.only?.split(',')
const chosen = rules.filter(({ name }) => words === undefined || words.some(word => name.includes(word)))
if (values.list) for (const { name } of rules) console.log(name)
else await takeOut()

async function takeOut () {
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'))
  try {
    for (const name of ['lib', 'test', 'docs', 'package.json', 'tsconfig.json', '.taprc']) cpSync(name, join(copy, name), { recursive: true })
    symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
    // All of them before any: a rule that was written anew is to be noticed at once.
    for (const rule of chosen) sourceOf(copy, rule)
    const files = [...new Set(chosen.flatMap(({ tests }) => tests))]
    const unharmed = await run(copy, files)
    if (unharmed !== undefined) throw new Error(`the tests fail with all rules in place: ${unharmed}`)
    console.log('| rule | noticed by |\n|---|---|')
    for (const rule of chosen) {
      const caught = await without(copy, rule)
      console.log(`| ${rule.name} | ${caught ?? '**nobody**'} |`)
      if (caught === undefined) process.exitCode = 1
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** The first test that notices. */
async function without (copy, rule) {
  const { find, replace, tests } = rule
  const { path, source } = sourceOf(copy, rule)
  writeFileSync(path, source.replace(find, () => replace))
  try {
    for (const test of tests) {
      const caught = await run(copy, [test])
      if (caught !== undefined) return `${test}: ${caught}`
    }
    return undefined
  } finally {
    writeFileSync(path, source)
  }
}

function sourceOf (copy, { name, file, find }) {
  const path = join(copy, 'lib', file)
  const source = readFileSync(path, 'utf8')
  const times = source.split(find).length - 1
  if (times !== 1) throw new Error(`${name}: ${JSON.stringify(find)} must be in ${file} once, and is there ${times} times`)
  return { path, source }
}

/** Runs test files; the name of the first test that fails, if one does. */
function run (copy, tests) {
  return new Promise(resolve => {
    if (spawnSync(process.execPath, ['test/build.js'], { cwd: copy }).status !== 0) return resolve('it does not compile')
    const files = tests.map(test => `build/test/${test}.test.js`)
    const tap = spawn(join('node_modules', '.bin', 'tap'), ['--disable-coverage', '--reporter=tap', '--bail', '--timeout=30', ...files], { cwd: copy, stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    tap.stdout.on('data', chunk => { output += chunk })
    const timer = setTimeout(() => tap.kill(), PATIENCE * tests.length)
    tap.once('close', code => {
      clearTimeout(timer)
      if (code === 0) return resolve(undefined)
      const at = /^ +not ok /m.exec(output)?.index
      // The test whose assertion that is; without one, the file has come to no end.
      const name = at === undefined ? undefined : [...output.slice(0, at).matchAll(/^ {4}# Subtest: (.*)$/gm)].pop()?.[1]
      resolve(name ?? 'it ends, or hangs')
    })
  })
}
