/**
 * Compiles the tests, and `lib` with them, into `build/`: `node build/test/engine/retry.test.js` then starts at once, where the test runner would
 * compile each file anew in every process.
 */
import { execFileSync } from 'node:child_process'
import { rmSync, symlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** What is read beside the code, and the package as it was built. */
const AS_IT_IS = ['lib/operations/dashboard/page', 'dist']

rmSync(`${ROOT}build`, { recursive: true, force: true })
execFileSync(`${ROOT}node_modules/.bin/tsc`, ['-p', `${ROOT}test`], { stdio: 'inherit' })
for (const path of AS_IT_IS) {
  rmSync(`${ROOT}build/${path}`, { recursive: true, force: true })
  symlinkSync(`${ROOT}${path}`, `${ROOT}build/${path}`)
}
