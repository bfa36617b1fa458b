/** What is shown as JSON or YAML is JSON or YAML. */
import t from 'tap'
import { parse } from 'yaml'
import { checkConfig } from '../../example-app/config.js'
import { GUIDES, readPage } from './harness/pages.js'

for (const path of GUIDES) {
  for (const { lang, code, line } of readPage(path).fences) {
    if (lang === 'json') t.doesNotThrow(() => { JSON.parse(code) }, `${path}:${line}`)
    if (lang !== 'yaml') continue
    const document = parse(code) as Record<string, unknown>
    t.equal(typeof document, 'object', `${path}:${line}`)
    // The configuration of a gateway.
    if ('upstreams' in document) t.doesNotThrow(() => checkConfig(document, {}, path), `${path}:${line}: a configuration`)
  }
}
