import t from 'tap'
import { ClientClosedError } from '../../lib/errors.js'
import { DeadlineError } from '../../lib/engine/timeouts.js'
import { clientError, mayBeBetterElsewhere, outcomeOf, TargetGoneError } from '../../lib/engine/failure.js'

const error = (code: string | undefined, more: object = {}): NodeJS.ErrnoException => Object.assign(new Error('what undici says'), { code }, more)

t.test('what an error of undici means', async t => {
  const cases: Array<[string, NodeJS.ErrnoException, { started?: boolean, answered?: boolean, reused?: boolean }, string]> = [
    ['refused', error('ECONNREFUSED', { syscall: 'connect' }), {}, 'connect-failure'],
    ['reset on accept', error('ECONNRESET', { syscall: 'connect' }), {}, 'connect-failure'],
    ['reset on accept, of a connection that had served', error('ECONNRESET', { syscall: 'connect' }), { reused: true }, 'connect-failure'],
    ['an idle connection that ends before the request starts', error('ECONNRESET', { syscall: 'read' }), { reused: true }, 'reset'],
    ['reset', error('ECONNRESET', { syscall: 'read' }), { started: true }, 'reset'],
    ['other side closed', error('UND_ERR_SOCKET'), { started: true }, 'reset'],
    ['a parser error, which has no code', error(undefined, { name: 'HTTPParserError' }), { started: true }, 'malformed'],
    ['bad chunks in the body', error(undefined, { name: 'HTTPParserError' }), { started: true, answered: true }, 'malformed'],
    ['headers too long', error('UND_ERR_HEADERS_OVERFLOW'), { started: true }, 'malformed'],
    ['two lengths', error('UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), { started: true }, 'malformed'],
    ['too short', error('UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), { started: true, answered: true }, 'reset'],
    ['an invalid header', error('UND_ERR_INVALID_ARG'), {}, 'client-fault'],
    ['a pool that was closed', error('UND_ERR_CLOSED'), {}, 'abandoned'],
    ['a pool that was destroyed', error('UND_ERR_DESTROYED'), { started: true }, 'abandoned'],
    ['a target that was removed', new TargetGoneError(), { started: true }, 'abandoned']
  ]
  for (const [what, cause, { started = false, answered = false, reused = false }, outcome] of cases) {
    t.equal(outcomeOf(cause, { started, answered, reused }), outcome, what)
  }
})

t.test('what the client hears, and whether another target could help', async t => {
  const cases: Array<[Parameters<typeof clientError>[0], Error, string, boolean]> = [
    ['connect-failure', error('ECONNREFUSED'), 'FST_LB_BAD_GATEWAY', true],
    ['connect-failure', new DeadlineError('connect', 1), 'FST_LB_GATEWAY_TIMEOUT', true],
    ['timeout', new DeadlineError('headers', 1), 'FST_LB_GATEWAY_TIMEOUT', true],
    ['abandoned', new DeadlineError('total', 1), 'FST_LB_GATEWAY_TIMEOUT', false],
    ['abandoned', new TargetGoneError(), 'FST_LB_BAD_GATEWAY', true],
    ['reset', error('ECONNRESET'), 'FST_LB_BAD_GATEWAY', true],
    ['malformed', error(undefined), 'FST_LB_BAD_GATEWAY', true],
    ['client-fault', error('UND_ERR_INVALID_ARG'), 'FST_LB_BAD_REQUEST', false],
    ['client-aborted', new ClientClosedError(), 'FST_LB_CLIENT_CLOSED', false]
  ]
  for (const [outcome, cause, code, elsewhere] of cases) {
    t.equal((clientError(outcome, cause) as NodeJS.ErrnoException).code, code, `${outcome}: ${cause.name}`)
    t.equal(mayBeBetterElsewhere(outcome, cause), elsewhere, `${outcome}: ${cause.name}`)
  }
})
