import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'

export interface Certificate { key: string, cert: string }

/** There are versions of Node (22.23) that find no certificate to be that of an IPv6 address. */
export const VERIFIES_IPV6 = checkServerIdentity('::1', { subject: { CN: 'a' }, subjectaltname: 'IP Address:0:0:0:0:0:0:0:1' } as PeerCertificate) === undefined

/** A self-signed certificate for these names, made now, good for a day. `dir`: where its files may be. */
export function selfSigned (dir: string, names = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1']): Certificate {
  const key = join(dir, 'key.pem')
  const cert = join(dir, 'cert.pem')
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1',
    '-keyout', key, '-out', cert, '-subj', '/CN=test', '-addext', `subjectAltName=${names.join(',')}`
  ], { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}
