/** One run: a scenario, a policy, a seed. The same three give the same result, to the last digit. */
import { contestant } from '../contestants.js'
import { comeAtRandom, Requests } from './arrivals.js'
import { VirtualClock } from './clock.js'
import { Gateway } from './gateway.js'
import { Evenness, Homes, Measures } from './measures.js'
import { stream } from './random.js'
import { Request } from './request.js'
import { Server } from './server.js'
import { planOutages, planSlowdown } from './troubles.js'

/** Milliseconds after the measured time in which requests without a deadline may still end. */
const PATIENCE = 60_000

/**
 * @param scenario as `scenarioOf` returns it
 * @param policy name of a contestant, or a policy with options as users write it
 */
export function simulate (scenario, policy, seed) {
  return new Simulation(scenario, policy, seed).run()
}

class Simulation {
  #scenario
  #seed
  #clock = new VirtualClock()
  #servers
  #gateways
  #requests
  #measures
  #evenness
  #homes

  constructor (scenario, policy, seed) {
    this.#scenario = scenario
    this.#seed = seed
    const { targets, gateways, requests, phases, warmUp } = scenario
    this.#servers = new Map(targets.map(target => [target.id, new Server(this.#clock, target)]))
    this.#planTroubles()
    const world = { gateways, serverOf: ({ id }) => this.#servers.get(id) }
    const gateway = name => this.#gateway(contestant(policy, world), stream(seed, name))
    this.#gateways = Array.from({ length: gateways }, (_, i) => gateway(`gateway ${i}`))
    this.#planMembership()
    this.#requests = new Requests(scenario, seed)
    this.#measures = new Measures(phases, warmUp, requests.deadline || Infinity)
    this.#evenness = new Evenness([...this.#servers.values()])
    if (requests.keys !== undefined) this.#homes = new Homes(gateway('idle gateway'))
  }

  run () {
    const { requests: { concurrent, deadline }, warmUp } = this.#scenario
    const { end } = this.#measures
    this.#evenness.watch(this.#clock, warmUp, end)
    if (concurrent === undefined) comeAtRandom(this.#clock, this.#perSecond, stream(this.#seed, 'arrivals'), this.#come)
    else for (let i = 0; i < concurrent; i++) this.#come()
    this.#clock.runUntil(end)
    // Requests go on coming, so that the last ones measured have it no easier than the others.
    const last = end + (deadline || PATIENCE)
    while (this.#measures.open > 0 && this.#clock.now() <= last) this.#clock.step()
    return this.#result()
  }

  #gateway ({ policy, report }, random) {
    const { targets, upstream, network } = this.#scenario
    return new Gateway({ ...upstream, policy, targets: targets.filter(({ joinsAt }) => joinsAt === undefined).map(optionsOfTarget) }, {
      clock: this.#clock, random, networkMs: network, report, serverOf: id => this.#servers.get(id)
    })
  }

  #planTroubles () {
    for (const { id, slowdowns, outages } of this.#scenario.targets) {
      const server = this.#servers.get(id)
      slowdowns.forEach((slowdown, i) => planSlowdown(this.#clock, server, slowdown, stream(this.#seed, `slowdown ${i} of ${id}`)))
      if (outages !== undefined) planOutages(this.#clock, server, outages, stream(this.#seed, `outages of ${id}`))
    }
  }

  #planMembership () {
    for (const target of this.#scenario.targets) {
      const { id, joinsAt, leavesAt } = target
      if (joinsAt !== undefined) this.#clock.at(joinsAt, () => { for (const gateway of this.#gateways) gateway.add(optionsOfTarget(target)) }, undefined)
      if (leavesAt !== undefined) this.#clock.at(leavesAt, () => { for (const gateway of this.#gateways) gateway.remove(id) }, undefined)
    }
  }

  #perSecond = () => {
    const now = this.#clock.now()
    const { phases } = this.#scenario
    let until = this.#scenario.warmUp
    for (const phase of phases) if (now < (until += phase.lasts)) return phase.perSecond
    return phases.at(-1).perSecond
  }

  #come = () => {
    const { deadline } = this.#scenario.requests
    const drawn = this.#requests.next()
    const gateway = this.#gateways[drawn.gateway]
    const request = new Request({ ...drawn, arrivedAt: this.#clock.now() }, this.#ended)
    this.#measures.came(request)
    if (deadline > 0) request.timer = this.#clock.after(deadline, this.#leave, { request, gateway })
    request.exchange = gateway.serve(request)
  }

  /** The client has waited long enough. */
  #leave = ({ request, gateway }) => {
    gateway.abort(request.exchange)
    this.#measures.ended(request, 'late', this.#clock.now())
    this.#another()
  }

  #ended = (request, well) => {
    if (request.timer !== undefined) this.#clock.cancel(request.timer)
    this.#measures.ended(request, well ? 'good' : 'error', this.#clock.now())
    if (well && request.key !== undefined) this.#homes.served(request.key, request.exchange.servedBy.id)
    this.#another()
  }

  /** Where there is a fixed number of clients, each asks again when it has its answer, and not from inside of it. */
  #another () {
    if (this.#scenario.requests.concurrent !== undefined) this.#clock.after(0, this.#come, undefined)
  }

  #result () {
    const sum = what => this.#gateways.reduce((total, gateway) => total + gateway[what], 0)
    return {
      ...this.#measures.result(),
      attempts: sum('attempts') / sum('requests'),
      ejections: sum('ejections'),
      busiest: this.#evenness.result(),
      ...(this.#homes !== undefined && { atHome: this.#homes.share })
    }
  }
}

function optionsOfTarget ({ id, weight }) {
  return { id, url: `http://${id}.example`, weight }
}
