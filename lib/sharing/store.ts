/** Where gateways meet. `redis()` and `cluster()` make one; one of a user's own needs no more than this. */

/** Told by a store of what goes on. */
export interface StoreListener {
  /** Somebody has published this; oneself counts. */
  heard (message: string): void
  /** Messages may have been missed, as after a lost connection: what is held will be read again. */
  missed (): void
}

/**
 * Keeps texts, and passes messages on. It knows nothing of what they mean: which of two values is the later one is for the gateways to say, and what
 * a store has lost they put there again. A call that fails rejects; one that takes long is given up, and asked again later.
 */
export interface SharedStore {
  /** Begins to listen, for one gateway. Never waits for a connection: what cannot be reached now may be later, and then `missed` is called. */
  open (listener: StoreListener): void
  /** Passes a message on to all who listen. */
  publish (message: string): Promise<unknown>
  /** Keeps a value until it is dropped, or another takes its place. */
  put (key: string, value: string): Promise<unknown>
  /** Drops a value that was put. */
  drop (key: string): Promise<unknown>
  /** All values that are kept, by their keys. */
  held (): Promise<Record<string, string>>
  /** Remembers a value for `ttl` milliseconds: sessions, of which there may be many. The store may forget it before. */
  remember (key: string, value: string, ttl: number): Promise<unknown>
  /** What was remembered, or null. */
  recall (key: string): Promise<string | null>
  /** A secret that all have in common, for cookies of upstreams that have none of their own. */
  secret? (): Promise<string>
  /** Ends listening. */
  close (): void
}

/** What gateways, or workers, have in common, and where. */
export interface SharedOptions {
  /** What `redis()` and `cluster()` return has one. */
  store: SharedStore
  /**
   * Who probes a target: `each` gateway for itself, or `one` of them, which tells the others what it has found. Each counts `rise` and `fall` by
   * itself in either case, and probes for itself when it hears nothing for two intervals. @default 'each'
   */
  probes?: 'each' | 'one'
}

export interface SharedSettings { store: SharedStore, probes: 'each' | 'one' }
