/** git over smart HTTP: targets that serve repositories, and somebody who works with them. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { run } from './programs.js'
import { startTarget, type Ending } from './servers.js'

export interface GitRequest {
  method: string
  /** `git-upload-pack` to fetch, `git-receive-pack` to push; see gitprotocol-http(5). */
  service: string
  /** Bytes of its body. */
  length: number
  chunked: boolean
  gzip: boolean
}

export interface GitTarget {
  name: string
  url: string
  requests: GitRequest[]
  kill: () => Promise<void>
}

/** A target that serves the bare repositories in `root` by git's own CGI program, git-http-backend(1). Whoever comes may push. */
export async function startGitTarget (t: Ending, name: string, root: string): Promise<GitTarget> {
  const requests: GitRequest[] = []
  const target = await startTarget(t, name)
  target.server.removeAllListeners('request').on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://a')
    const { headers } = request
    const entry = {
      method: request.method!,
      service: searchParams.get('service') ?? pathname.split('/').at(-1)!,
      length: 0,
      chunked: headers['transfer-encoding'] === 'chunked',
      gzip: headers['content-encoding'] === 'gzip'
    }
    requests.push(entry)
    request.on('data', (chunk: Buffer) => { entry.length += chunk.length })
    cgi(request, response, ['git', 'http-backend'], {
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: searchParams.toString()
    })
  })
  return { name, url: target.url, requests, kill: target.kill }
}

/** Answers a request by a CGI program (RFC 3875). */
function cgi (request: IncomingMessage, response: ServerResponse, [program, ...words]: [string, ...string[]], variables: Record<string, string>): void {
  const { headers } = request
  const fields = Object.entries(headers).map(([name, value]) => [`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, String(value)])
  const child = spawn(program, words, {
    env: {
      PATH: process.env.PATH,
      ...Object.fromEntries(fields),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: headers['content-type'],
      CONTENT_LENGTH: headers['content-length'],
      REMOTE_ADDR: '127.0.0.1',
      ...variables
    },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  request.pipe(child.stdin)
  // It may well end without having read all.
  child.stdin.on('error', () => {})
  response.once('close', () => { child.kill() })
  let head: Buffer | undefined = Buffer.alloc(0)
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === undefined) {
      response.write(chunk)
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
      const [, name, value] = /^([^:]+): *(.*)$/.exec(line)!
      if (name === 'Status') response.statusCode = Number.parseInt(value!)
      else response.setHeader(name!, value!)
    }
    response.write(head.subarray(end + 4))
    head = undefined
  }).on('end', () => { response.end() })
}

export type Git = (...words: string[]) => Promise<string>

/** git in this folder (which is made), with none of this machine's settings. Resolves to what it prints; throws when it fails. */
export function gitIn (dir: string, config: Record<string, string> = {}): Git {
  mkdirSync(dir, { recursive: true })
  const settings = { 'user.name': 'Test', 'user.email': 'test@example.com', 'init.defaultBranch': 'main', ...config }
  const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const env = { PATH: process.env.PATH, HOME: dir, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }
  return async (...more) => {
    const { exit, stdout, stderr } = await run('git', [...words, ...more], { cwd: dir, env })
    if (exit !== 0) throw new Error(`git ${more.join(' ')}: ${stderr}`)
    return stdout.toString().trim()
  }
}

/** A bare repository in `root` that may be pushed to. */
export async function bareRepository (root: string, name: string): Promise<void> {
  const git = gitIn(join(root, name))
  await git('init', '--bare', '--quiet')
  await git('config', 'http.receivepack', 'true')
}
