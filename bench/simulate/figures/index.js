/** The charts. Each has the name of its `file` and `draw(options)`, which resolves to `{ svg, markdown, data }`. */
import * as imbalance from './imbalance.js'
import * as keysMoved from './keys-moved.js'
import * as p99OverLoad from './p99-over-load.js'

export const figures = [p99OverLoad, keysMoved, imbalance]
