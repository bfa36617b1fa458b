/** Which type is on which page of the reference, in which order, and what it is the value of. */

/** @type {Array<{ path: string, title: string, intro: string, chapters: Array<{ title: string, types: Array<[string, string?]> }> }>} */
export const pages = [
  {
    path: 'docs/options.md',
    title: 'Options',
    intro: `Every option with its type and default, as declared in the code; editors show the same on hover. Durations are milliseconds, or text with a unit
(\`'500ms'\`, \`'5s'\`, \`'1m'\`, \`'1h'\`, \`'30d'\`). The cookie attribute \`maxAge\` is in seconds, as in \`Set-Cookie\`, or such text. What is wrong is refused at registration, all of it in one error, \`FST_LB_INVALID_OPTIONS\`. The types that are no options are in
[types.md](./types.md).`,
    chapters: [
      { title: 'Of the plugin', types: [['LoadBalancerOptions'], ['BalancedRouteOptions', '`routes`'], ['SplitOption', '`split`'], ['SplitOptions', '`split`'], ['Shares', '`split`'], ['ClientLimits', '`limits`'], ['Duration']] },
      { title: 'Of an upstream', types: [['UpstreamOptions', '`upstreams.NAME`']] },
      { title: 'Of a target', types: [['TargetOptions', '`targets`'], ['TlsOptions', '`tls`']] },
      {
        title: 'Discovery',
        types: [['DiscoveryOptions', '`discovery`'], ['DnsDiscoveryOptions'], ['FileDiscoveryOptions'], ['UrlDiscoveryOptions'], ['RedisDiscoveryOptions'], ['HoldOptions', '`hold`'], ['TargetSet'], ['AnswerHeaders']]
      },
      {
        title: 'Policies',
        types: [
          ['PolicyOption', '`policy`'], ['PlainPolicyOption'], ['PolicyName'], ['AdaptiveOptions', "`policy: { name: 'adaptive' }`"], ['HashOptions', "`policy: { name: 'hash' }`"], ['HashKey', '`key`'],
          ['PrequalOptions', "`policy: { name: 'prequal' }`"], ['PrequalProbeOptions', '`probes`']
        ]
      },
      {
        title: 'Affinity',
        types: [['AffinityOptions', '`affinity`'], ['CookieAffinityOptions'], ['AffinityCookieOptions', '`affinity.cookie`'], ['CookieAttributes', '`affinity.cookie`'], ['SessionAffinityOptions'], ['SessionPlace', '`affinity.session`']]
      },
      { title: 'Health', types: [['HealthOptions', '`health`'], ['ProbeOptions', '`health.active`'], ['ProbeExpectation', '`health.active.expect`'], ['EjectionOptions', '`health.passive`'], ['SlowStartOptions', '`slowStart`']] },
      { title: 'Retries', types: [['RetryOptions', '`retry`'], ['BackoffOptions', '`retry.backoff`'], ['BudgetOptions', '`retry.budget`'], ['HedgeOptions', '`retry.hedge`']] },
      { title: 'Deadlines and limits', types: [['TimeoutOptions', '`timeouts`'], ['LimitOptions', '`limits`'], ['QueueOptions', '`limits.queue`'], ['PoolOptions', '`pool`']] },
      { title: 'Headers', types: [['HeaderOptions', '`headers`'], ['Headers']] },
      { title: 'Operations', types: [['AdminOptions', '`admin`'], ['Authorize', '`admin.authorize`'], ['Access'], ['Permission'], ['MetricsOptions', '`metrics`'], ['MetricsClient'], ['MetricsRegistry']] },
      {
        title: 'Sharing',
        types: [['SharedOptions', '`shared`'], ['RedisSharingOptions', '`redis(client, options)`'], ['ClusterSharingOptions', '`cluster(options)`'], ['ClusterPrimaryOptions', '`clusterPrimary(options)`']]
      },
      { title: 'Of a call', types: [['BalanceOptions', '`reply.balance(upstream, options)`'], ['TargetUpdateOptions', '`upstream.update(id, options)`'], ['DrainOptions', '`remove(id, options)`']] }
    ]
  },
  {
    path: 'docs/types.md',
    title: 'Types',
    intro: `What the package gives you to work with, as declared in the code. What you give to it is in [options.md](./options.md); errors are in
[troubleshooting.md](./troubleshooting.md).

\`import loadBalancer from 'fastify-load-balancer'\`, or \`{ loadBalancer }\`; \`require()\` gives the function itself. It decorates: \`fastify.upstreams\` (\`Upstreams\`),
\`reply.balance(upstream?, options?)\` and \`request.balancing\` (\`Balancing\`, or null). \`EngineOptions\` are those of \`UpstreamOptions\` that have nothing to do with Fastify.`,
    chapters: [
      { title: 'Upstreams', types: [['Upstreams'], ['Upstream'], ['UpstreamEvents', '`upstream.on()`'], ['UpstreamEvent'], ['Target', '`upstream.targets`'], ['TargetConfig', '`target.config`'], ['TargetState'], ['TargetHealth']] },
      { title: 'Snapshots', types: [['UpstreamSnapshot', '`upstream.snapshot()`'], ['TargetSnapshot'], ['DiscoverySnapshot']] },
      { title: 'Of a request', types: [['Balancing', '`request.balancing`'], ['AttemptReport'], ['Outcome'], ['LoadBalancerErrorCode', '`error.code`'], ['AttemptMessage', '`diagnostics_channel`'], ['TargetMessage', '`diagnostics_channel`']] },
      { title: 'Policies of your own', types: [['PolicyFactory'], ['Policy'], ['PolicyTools'], ['PickContext'], ['Settlement'], ['Answer'], ['Ask'], ['Later']] },
      { title: 'Time', types: [['Clock', 'tests and simulations'], ['Timer']] },
      { title: 'Sharing', types: [['SharedSnapshot', '`fastify.upstreams.shared`'], ['SharedStore', 'a store of your own'], ['StoreListener']] },
      {
        title: 'Clients of Redis',
        types: [
          ['RedisClient', 'discovery'], ['RedisSubscriber'], ['IoRedisClient'], ['IoRedisSubscriber'], ['NodeRedisClient'], ['NodeRedisSubscriber'], ['SharedRedisClient', 'sharing'], ['SharedIoRedisClient'],
          ['SharedNodeRedisClient']
        ]
      }
    ]
  }
]
