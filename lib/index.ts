/** The door: the plugin, its types, its exports. */
import type { FastifyRequest } from 'fastify'
import type { HashKey as KeyOf, HashOptions as HashOptionsOf } from './balancing/policies/hash/hash.js'
import type { PlainPolicyOption, PolicyOption as PolicyOptionOf } from './balancing/policies/index.js'
import { loadBalancer } from './plugin/plugin.js'
import { cluster } from './sharing/cluster.js'
import { clusterPrimary } from './sharing/cluster-primary.js'
import { redis } from './sharing/redis.js'

export default loadBalancer
// `require()` gives the function itself, and the names on it.
export { cluster, clusterPrimary, loadBalancer, loadBalancer as 'module.exports', redis }
Object.assign(loadBalancer, { cluster, clusterPrimary, loadBalancer, redis })

export type { LoadBalancerErrorCode } from './error-code.js'
export type { Outcome, Settlement } from './balancing/outcome.js'
export type { Answer, Ask, Later, PickContext, Policy, PolicyFactory, PolicyTools } from './balancing/policy.js'
export type { Clock, Random, Timer } from './balancing/clock.js'
export type { PlainPolicyOption, PolicyName } from './balancing/policies/index.js'
export type { AdaptiveOptions } from './balancing/policies/adaptive.js'
export type { PrequalOptions, PrequalProbeOptions } from './balancing/policies/prequal.js'
export type { EjectionOptions } from './balancing/ejection.js'
export type { SlowStartOptions } from './balancing/slow-start.js'
export type { Target, TargetConfig, TargetEvent, TargetHealth, TargetState } from './balancing/target.js'
export type { DiscoveryOptions } from './discovery/options.js'
export type { DnsDiscoveryOptions } from './discovery/dns.js'
export type { FileDiscoveryOptions } from './discovery/file.js'
export type { RedisDiscoveryOptions } from './discovery/redis.js'
export type { IoRedisClient, IoRedisSubscriber, NodeRedisClient, NodeRedisSubscriber, RedisClient, RedisSubscriber } from './redis-client.js'
export type { TargetSet } from './discovery/source.js'
export type { AnswerHeaders, UrlDiscoveryOptions } from './discovery/url.js'
export type { AttemptMessage, TargetMessage } from './engine/channels.js'
export type { TimeoutOptions } from './engine/timeouts.js'
export type { Headers } from './engine/headers.js'
export type { PoolOptions } from './engine/pool.js'
export type { AttemptReport, Balancing } from './engine/report.js'
export type { FetchDispatcher } from './engine/dispatcher.js'
export type { QueueOptions } from './engine/queue.js'
export type { BackoffOptions, HedgeOptions, RetryOptions } from './engine/retry.js'
export type { BudgetOptions } from './engine/retry-budget.js'
export type { TargetOptions, TargetUpdateOptions, TlsOptions } from './engine/target-options.js'
export type { DrainOptions } from './engine/call-options.js'
export type { Upstream, UpstreamEvent, UpstreamEvents } from './engine/upstream.js'
export type { DiscoverySnapshot, TargetSnapshot, UpstreamSnapshot } from './engine/upstream-snapshot.js'
export type { EngineOptions, LimitOptions, Timers } from './engine/upstream-options.js'
export type { ProbeExpectation, ProbeOptions } from './health/probe-options.js'
export type { Access, AdminOptions, Authorize, Permission } from './operations/admin/options.js'
export type { MetricsClient, MetricsOptions, MetricsRegistry } from './operations/metrics.js'
export type { AffinityCookieOptions, AffinityOptions, CookieAffinityOptions, SessionAffinityOptions } from './plugin/affinity-options.js'
export type { CookieAttributes } from './plugin/affinity-cookie.js'
export type { SessionPlace } from './plugin/affinity-session.js'
export type { BalanceOptions } from './plugin/balance.js'
export type { HeaderOptions } from './plugin/header-options.js'
export type { HealthOptions, LoadBalancerOptions, UpstreamOptions } from './plugin/options.js'
export type { PathMode } from './plugin/paths.js'
export type { BalancedRouteOptions } from './plugin/route-options.js'
export type { Shares, SplitOption, SplitOptions } from './plugin/split.js'
export type { Upstreams } from './plugin/registry.js'
export type { ClusterSharingOptions } from './sharing/cluster.js'
export type { ClusterPrimaryOptions } from './sharing/cluster-primary.js'
export type { SharedSnapshot } from './sharing/link.js'
export type { RedisSharingOptions, SharedIoRedisClient, SharedNodeRedisClient, SharedRedisClient } from './sharing/redis.js'
export type { SharedOptions, SharedStore, StoreListener } from './sharing/store.js'

/** How a target is picked: a policy's name, its name with options, or a factory of the user's own. */
export type PolicyOption = PolicyOptionOf<FastifyRequest>
/** Options of the policy `hash`. */
export type HashOptions = HashOptionsOf<FastifyRequest, PlainPolicyOption>
/** What of a request the policy `hash` goes by. */
export type HashKey = KeyOf<FastifyRequest>
