/** What one client may take of the gateway: the option `limits` of the plugin. */
import { integer, object, optional } from '../options.js'

/** Limits of what clients may make the gateway hold. They apply to balanced requests, `maxStreams` to all of the server's. */
export interface ClientLimits {
  /**
   * Concurrent streams of one HTTP/2 connection. The gateway refuses further streams (`REFUSED_STREAM`) and lowers what the server offers; a server
   * that offers fewer keeps its own limit. @default 128
   */
  maxStreams?: number
  /**
   * Bytes of responses that wait for the client of one HTTP/2 connection. Above the limit, the gateway reads a target only when everything that came
   * before has been sent to the client, so that each stream holds one read (64 KB) at most. @default 1_048_576
   */
  maxBufferedPerConnection?: number
  /**
   * Bytes of responses that wait for clients in this process, of all connections. Above the limit, each response is read as described for
   * `maxBufferedPerConnection`. The count belongs to the process; with several servers in one process, each compares it with its own limit.
   * @default 268_435_456
   */
  maxBuffered?: number
}

export type ClientLimitSettings = Required<ClientLimits>

export const clientLimits = object<ClientLimitSettings>({
  // A larger number is none of HTTP/2's.
  maxStreams: optional(integer(1, 4_294_967_295), 128),
  maxBufferedPerConnection: optional(integer(0), 1_048_576),
  maxBuffered: optional(integer(0), 268_435_456)
})
