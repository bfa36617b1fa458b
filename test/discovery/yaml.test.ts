/** YAML as it is read for lists of targets and for the file of a gateway. */
import t from 'tap'
import { parseYaml } from '../../lib/discovery/yaml.js'

t.test('faults are told with their places, all of them', async t => {
  t.strictSame(parseYaml('a: 1\nb: [x, y]'), { a: 1, b: ['x', 'y'] })
  t.throws(() => parseYaml('a: [1\nb: !unknown 2'), { code: 'FST_LB_INVALID_OPTIONS', message: /^line 2, column \d+: / })
  t.throws(() => parseYaml('a: *nobody'), { code: 'FST_LB_INVALID_OPTIONS', message: /nobody/ })
})

t.test('a document can be changed before it becomes values, or found to be at fault', async t => {
  t.strictSame(parseYaml('a: 1', document => {
    document.set('b', 2)
    return []
  }), { a: 1, b: 2 })
  t.throws(() => parseYaml('a: 1', (_document, place) => [`${place(3)}: no ones`]), { code: 'FST_LB_INVALID_OPTIONS', message: 'line 1, column 4: no ones' })
})
