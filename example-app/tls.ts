/** Certificate and key of the gateway itself, from files. */
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** Paths, as they are written or, in `TlsFiles` that were resolved, absolute. */
export interface TlsFiles {
  /** Certificate with its chain, as PEM. */
  cert: string
  /** Its key, as PEM. */
  key: string
}

/** The same files, read. */
export interface TlsTexts { cert: string, key: string }

/** Reads both, and sees whether they go together. */
export function readTls (files: TlsFiles, faults: string[]): TlsTexts {
  const texts = { cert: textOf(files.cert, 'tls.cert', faults), key: textOf(files.key, 'tls.key', faults) }
  if (texts.cert !== '' && texts.key !== '') {
    try {
      createSecureContext(texts)
    } catch (error) {
      faults.push(`tls: expected a certificate and its key, got what OpenSSL refuses: ${(error as Error).message}`)
    }
  }
  return texts
}

function textOf (path: string, name: string, faults: string[]): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    faults.push(`${name}: it cannot be read: ${(error as Error).message}`)
    return ''
  }
}
