import { startProcess } from './process.js'

/** HAProxy with one thread, connections to targets kept open and shared. `method`: what `balance` is to be. */
export function startHaproxy (method, origins, core) {
  return startProcess('haproxy', {
    core,
    args: file => ['-db', '-f', file],
    config: ({ port }) => `
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
frontend in
  bind 127.0.0.1:${port}
  default_backend shop
backend shop
  balance ${method}
  http-reuse always
${origins.map((origin, i) => `  server s${i} ${new URL(origin).host}`).join('\n')}
`
  })
}
