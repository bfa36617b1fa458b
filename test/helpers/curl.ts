import { run, type RunOptions } from './programs.js'

/** What curl knows of one transfer; see "write-out" in its manual. */
export interface Transfer {
  http_code: number
  /** `1.1` or `2`. */
  http_version: string
  /** Connections it took: 0 when there was one already. */
  num_connects: number
  /** Bytes of the body that were sent. */
  size_upload: number
  num_redirects: number
}

export interface Curled {
  /** 0 when curl is content; otherwise see "exit codes" in its manual. */
  exit: number | null
  /** All header blocks and bodies, in their order. */
  text: string
  /** One per url. */
  transfers: Transfer[]
  /** What `--verbose` or `--trace-ascii %` has to say. */
  trace: string
}

/** curl, as somebody would call it in a shell; headers are shown with the bodies. */
export async function curl (words: string[], options: RunOptions = {}): Promise<Curled> {
  const settings = ['--disable', '--noproxy', '*', '--silent', '--show-error', '--include', '--max-time', '30', '--write-out', '%{stderr}\nTRANSFER%{json}\n']
  const { exit, stdout, stderr } = await run('curl', [...settings, ...words], options)
  const lines = stderr.split('\n')
  return {
    exit,
    text: stdout.toString('latin1'),
    transfers: lines.filter(line => line.startsWith('TRANSFER')).map(line => JSON.parse(line.slice('TRANSFER'.length)) as Transfer),
    trace: lines.filter(line => !line.startsWith('TRANSFER')).join('\n')
  }
}
