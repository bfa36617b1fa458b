import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from '../helpers/root.js'

/** `npm run simulate -- …` without the build. */
async function simulate (...args: string[]): Promise<{ code: number, out: string, err: string }> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, 'bench/simulate/main.js', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const written = { out: '', err: '' }
  child.stdout.on('data', chunk => { written.out += chunk })
  child.stderr.on('data', chunk => { written.err += chunk })
  const [code] = await once(child, 'close') as [number]
  return { code, ...written }
}

const pool = {
  gateways: 2,
  targets: [{ count: 3 }, { speed: 0.2 }],
  requests: { load: 0.7, time: { mean: 20 } },
  warmUp: 2_000,
  measured: 5_000
}

t.test('A pool of one\'s own: a table, and which policy suits it', async t => {
  const dir = t.testdir({ 'pool.json': JSON.stringify({ ...pool, policies: ['least-requests', 'round-robin'] }) })
  const { code, out } = await simulate('--pool', join(dir, 'pool.json'), '--seeds', '1,2', '--jobs', '1', '--json', join(dir, 'result.json'))
  t.equal(code, 0)
  t.match(out, '4 targets, 2 gateways, 448 requests a second.')
  t.match(out, /\| policy \| mean ms \| p99 ms \| p99.9 ms \| missed \|\n.*\n\| least-requests \| .*\n\| round-robin \| /)
  t.match(out, /least-requests suits it best \(p99 \d+ ms, 0.00 % missed\)\./)
  const { rows } = JSON.parse(await readFile(join(dir, 'result.json'), 'utf8'))
  t.same(rows.map(({ name, results }: { name: string, results: unknown[] }) => [name, results.length]), [['least-requests', 2], ['round-robin', 2]])
})

t.test('The example pool is a pool', async t => {
  const { code, out } = await simulate('--pool', 'bench/simulate/pool.example.yaml', '--seeds', '1', '--quick')
  t.equal(code, 0)
  t.match(out, / suits it/)
})

t.test('What is wrong with a pool, or with an option, is told without a stack', async t => {
  const dir = t.testdir({
    'wrong.yaml': 'targets: [{ count: many }]\nrequests: { load: 0.5, time: { mean: 20 } }',
    'broken.yaml': 'targets: [',
    'policies.json': JSON.stringify({ ...pool, policies: ['fastest'] }),
    'empty.yaml': ''
  })
  const told = async (...args: string[]) => {
    const { code, err } = await simulate(...args)
    t.equal(code, 1)
    t.notMatch(err, /^\s+at /m)
    return err.trim()
  }
  t.equal(await told('--pool', join(dir, 'wrong.yaml')), 'targets[0].count: expected 1 to 10000, got "many" (string)')
  t.match(await told('--pool', join(dir, 'broken.yaml')), 'broken.yaml is not YAML or JSON')
  t.match(await told('--pool', join(dir, 'policies.json')), 'policies: no "fastest"; there are random, round-robin')
  t.match(await told('--pool', join(dir, 'empty.yaml')), 'expected an object with targets and requests')
  t.match(await told('--pool', join(dir, 'none.yaml')), 'ENOENT')
  t.equal(await told('--seeds', '0'), '--seeds: expected whole numbers from 1, got 0')
  t.match(await told('--only', 'grey'), '--only: no grey; there are homogeneous')
  t.equal((await simulate('nonsense')).code, 2)
})
