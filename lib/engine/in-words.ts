/** Errors of connections, in the words that an operator would use: for events, logs and whoever looks at a target. */

const WORDS = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EPIPE', 'connection reset'],
  ['UND_ERR_SOCKET', 'connection reset'],
  ['ETIMEDOUT', 'connection timed out'],
  ['EHOSTUNREACH', 'host unreachable'],
  ['ENETUNREACH', 'network unreachable'],
  ['ENOTFOUND', 'host name not found'],
  ['EAI_AGAIN', 'host name not looked up: no answer of the name server'],
  ['ENOENT', 'socket not found'],
  ['EACCES', 'permission denied'],
  ['EPROTO', 'TLS handshake failed'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate is for another name'],
  ['UND_ERR_HEADERS_OVERFLOW', 'header fields too long'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'body of another length than announced']
])

/** From Node 24 on, messages of certificates go on with what to do about a script of one's own. */
const ADVICE = /; if the root CA is installed locally, .*/

/** Falls back on the error's own message, which for certificates says it well; where several addresses were tried there is none, only a code. */
export function inWords ({ code = '', name, message, reason }: NodeJS.ErrnoException & { reason?: unknown }): string {
  if (code.startsWith('HPE_') || name === 'HTTPParserError') return 'not HTTP'
  const words = WORDS.get(code)
  if (words !== undefined) return words
  // OpenSSL's own errors: the message has numbers and places in its source, too.
  if (typeof reason === 'string') return `TLS: ${reason}`
  return message !== '' ? message.replace(ADVICE, '') : code
}
