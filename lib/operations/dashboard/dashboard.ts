/** The dashboard: files that are served as they are. What they show comes from the admin API, with the rights of whoever looks. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'

/** Copied beside the built module as they are. */
const FILES = new URL('./page/', import.meta.url)

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}

/** Nothing but these files and this server; no markup from text, whatever targets are called. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"
].join('; ')

/** `{prefix}/` and the files beside it. */
export function addDashboard (scope: FastifyInstance): void {
  for (const name of readdirSync(FILES).filter(name => extname(name) in TYPES)) {
    const body = readFileSync(new URL(name, FILES))
    const type = TYPES[extname(name)]!
    scope.get(name === 'index.html' ? '/' : `/${name}`, { schema: { hide: true } as object }, async (request, reply) => {
      const [path] = request.url.split('?', 1) as [string]
      // Names in the page are relative, so that it does not matter where a proxy in front has put it.
      if (name === 'index.html' && !path.endsWith('/')) return await reply.redirect(`${path.slice(path.lastIndexOf('/') + 1)}/`)
      return await reply.headers({ 'content-type': type, 'content-security-policy': CONTENT_SECURITY_POLICY }).send(body)
    })
  }
}
