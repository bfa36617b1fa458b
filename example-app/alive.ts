/**
 * `node alive.js`: exit code 0 when the gateway answers, for whoever restarts what does not (HEALTHCHECK of Docker). It asks by the same
 * configuration and variables, for nothing that a target would see: that targets are well is another question, and restarting the gateway would not
 * make them so.
 */
import { request } from 'node:http'
import { request as requestTls } from 'node:https'
import { commandLine, readConfig } from './config-file.js'
import { ConfigError, type GatewayConfig } from './config.js'

/** Milliseconds that the answer may take. */
const PATIENCE = 3_000

const config = configuration(commandLine(process.argv.slice(2), process.env).path ?? 'gateway.yaml')
const host = config.listen.host === '0.0.0.0' || config.listen.host === '::' ? 'localhost' : config.listen.host

// `*` is the server itself (RFC 9110 §9.3.7): no route, whatever status it answers with.
const options = { host, port: config.listen.port, method: 'OPTIONS', path: '*', timeout: PATIENCE, rejectUnauthorized: false }
const asking = config.tls === undefined ? request(options) : requestTls(options)
asking
  .on('response', () => { process.exit(0) })
  .on('timeout', () => { asking.destroy(new Error(`no answer within ${PATIENCE} ms`)) })
  .on('error', error => {
    console.error(error.message)
    process.exit(1)
  })
  .end()

/** A file with faults is one that the gateway does not serve by. It says nothing of the gateway, which would not start with it again. */
function configuration (path: string): GatewayConfig {
  try {
    return readConfig(path, process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(error.withConsequence(', so nobody knows where to ask'))
    process.exit(0)
  }
}
