import t from 'tap'
import { probeOptions, type ProbeOptions } from '../../lib/health/probe-options.js'
import { checked } from '../../lib/options.js'
import { matchLines } from '../helpers/lines.js'

const settings = (options: ProbeOptions) => checked(probeOptions, options, 'active')

function faultsOf (options: object): string[] {
  const faults: string[] = []
  probeOptions(options, 'active', faults)
  return faults
}

t.test('what is absent has its default', async t => {
  const { expect, ...rest } = settings({})
  t.strictSame(rest, {
    type: 'http',
    path: '/',
    method: 'GET',
    interval: 5_000,
    timeout: 2_000,
    rise: 2,
    fall: 3,
    jitter: 0.1,
    headers: {},
    initial: 'pending'
  })
  t.equal(expect.body, undefined)
  t.strictSame([199, 200, 302, 399, 400].map(expect.status), [false, true, true, true, false])
  t.strictSame([199, 200, 399, 400].map(settings({ expect: { body: 'ok' } }).expect.status), [false, true, true, false])
})

t.test('statuses are a number, a list, ranges, or a mixture', async t => {
  const all = [100, 101, 199, 200, 201, 204, 299, 301, 404, 500, 599]
  const expected: Array<[NonNullable<ProbeOptions['expect']>['status'], number[]]> = [
    [200, [200]],
    ['200', [200]],
    [[200, 204], [200, 204]],
    ['200,204', [200, 204]],
    [' 200 , 204 ', [200, 204]],
    ['200-299', [200, 201, 204, 299]],
    ['200 - 201, 404', [200, 201, 404]],
    ['100-199,500-599', [100, 101, 199, 500, 599]],
    ['101', [101]]
  ]
  for (const [status, accepted] of expected) {
    t.strictSame(all.filter(settings({ expect: { status: status! } }).expect.status), accepted, String(status))
  }
})

t.test('every fault is told with its path', async t => {
  const expected: Array<[object, string]> = [
    [{ type: 'udp' }, 'active.type: expected \'http\' or \'tcp\', got "udp" (string)'],
    [{ path: 'health' }, "active.path: expected a path, as '/health', got \"health\" (string)"],
    [{ path: '/a b' }, "active.path: expected a path, as '/health', got \"/a b\" (string)"],
    [{ path: 1 }, "active.path: expected a path, as '/health', got 1"],
    [{ method: 'GE T' }, "active.method: expected a method, as 'GET', got \"GE T\" (string)"],
    [{ method: 1 }, "active.method: expected a method, as 'GET', got 1"],
    [{ interval: 0 }, 'active.interval: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0'],
    [{ interval: '5 s' }, 'active.interval: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got "5 s" (string)'],
    [{ unhealthyInterval: -1 }, 'active.unhealthyInterval: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got -1'],
    [{ timeout: 0 }, 'active.timeout: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0'],
    [{ rise: 0 }, 'active.rise: expected a whole number from 1, got 0'],
    [{ fall: 1.5 }, 'active.fall: expected a whole number from 1, got 1.5'],
    [{ jitter: 1.1 }, 'active.jitter: expected 0 to 1, got 1.1'],
    [{ headers: [] }, 'active.headers: expected an object, got an array'],
    [{ headers: { a: 1 } }, 'active.headers.a: expected a string that is not empty, got 1'],
    [{ port: 0 }, 'active.port: expected 1 to 65535, got 0'],
    [{ port: 65_536 }, 'active.port: expected 1 to 65535, got 65536'],
    [{ initial: 'healthy' }, 'active.initial: expected \'pending\' or \'available\', got "healthy" (string)'],
    [{ expect: 200 }, 'active.expect: expected an object, got 200'],
    [{ expect: { body: 1 } }, 'active.expect.body: expected a string or a RegExp, got 1'],
    [{ expect: { statuses: 200 } }, 'active.expect.statuses: unknown option; known are status, body'],
    [{ intervall: 1 }, 'active.intervall: unknown option; known are type, path, method, interval, unhealthyInterval, timeout, rise, fall, jitter, expect, headers, port, initial']
  ]
  for (const [options, message] of expected) t.strictSame(faultsOf(options), [message])
})

t.test('statuses that are none are a fault', async t => {
  for (const status of ['2xx', '', '200-', '99', '600', '200;204', '399-200', 20, [], [200, '2xx'], {}, null, true]) {
    matchLines(t, faultsOf({ expect: { status } }), [/^active\.expect\.status: expected statuses, as '200-399', '200,204' or \[200, 204\], got /], JSON.stringify(status))
  }
})

t.test('a header that could not be sent is a fault, which does not show its value', async t => {
  t.strictSame(faultsOf({ headers: { 'x-ok': 'fine', 'not a name': 'x', authorization: 'Bearer hidden\r\nx: y' } }), [
    'active.headers["not a name"]: expected a header that can be sent, got a name or a value with characters that it must not have',
    'active.headers["authorization"]: expected a header that can be sent, got a name or a value with characters that it must not have'
  ])
})
