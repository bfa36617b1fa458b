/** What is simulated: the package as it is built, none of it changed or written again. All that the simulator takes from it goes through here. */
export { policies } from '../../dist/lib/balancing/policies/index.js'
export { AliasTable } from '../../dist/lib/balancing/policies/weighted-draw.js'
export { Exchange } from '../../dist/lib/engine/exchange.js'
export { noBody } from '../../dist/lib/engine/request-body.js'
export { Upstream } from '../../dist/lib/engine/upstream.js'
export { ClientClosedError } from '../../dist/lib/errors.js'
export { upstreamOption } from '../../dist/lib/plugin/options.js'
export { RecentLatencies } from '../../dist/lib/prequal-target/recent-latencies.js'
export {
  array, checked, defaultsOf, fault, integer, isObject, number, object, oneOf, optional, string
} from '../../dist/lib/options.js'
