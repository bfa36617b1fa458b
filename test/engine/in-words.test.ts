/** Errors of connections in words: made by the real thing where that can be had, see also `health/probe.test.ts`. */
import t from 'tap'
import { inWords } from '../../lib/engine/in-words.js'

const error = (code: string | undefined, message: string, more: object = {}): NodeJS.ErrnoException => Object.assign(new Error(message), { code }, more)

t.test('what an operator gets to read', async t => {
  const cases: Array<[NodeJS.ErrnoException, string]> = [
    [error('ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:80'), 'connection refused'],
    [error('ECONNREFUSED', ''), 'connection refused'],
    [error('UND_ERR_SOCKET', 'other side closed'), 'connection reset'],
    [error('HPE_INVALID_CONSTANT', 'Parse Error: Expected HTTP/'), 'not HTTP'],
    [error(undefined, 'Response does not match the HTTP/1.1 protocol', { name: 'HTTPParserError' }), 'not HTTP'],
    [error('ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames", { reason: 'Host: a. is not cert\'s CN: b' }), 'certificate is for another name'],
    [error('ERR_OSSL_PEM_NO_START_LINE', 'error:0480006C:PEM routines::no start line', { reason: 'no start line' }), 'TLS: no start line'],
    [error('CERT_HAS_EXPIRED', 'certificate has expired'), 'certificate has expired'],
    [error('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca'), 'self-signed certificate'],
    [error('EWHATEVER', ''), 'EWHATEVER']
  ]
  for (const [cause, words] of cases) t.equal(inWords(cause), words)
})
