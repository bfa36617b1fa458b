/** All attacks, in the order of the table. */
import type { Attack } from '../harness/attack.js'
import { bombs } from './bombs.js'
import { hints } from './hints.js'
import { http2Headers } from './http2-headers.js'
import { http2Resets } from './http2-resets.js'
import { http2Window } from './http2-window.js'
import { interimFlood, interimFloodHttp2 } from './interim-flood.js'
import { longHeaders } from './long-headers.js'
import { oddRequests } from './odd-requests.js'
import { oddResponses } from './odd-responses.js'
import { paths } from './paths.js'
import { pipelinedLeave } from './pipelined-leave.js'
import { pipelinedUnread } from './pipelined-unread.js'
import { randomLeave } from './random-leave.js'
import { redirects } from './redirects.js'
import { resetUnread } from './reset-unread.js'
import { stolenHeaders } from './stolen-headers.js'
import { trickle } from './trickle.js'
import { unreadClients } from './unread-clients.js'

export const attacks: readonly Attack[] = [
  pipelinedLeave, randomLeave, pipelinedUnread, unreadClients, http2Window, http2Headers, http2Resets, trickle,
  hints, longHeaders, interimFlood, interimFloodHttp2, resetUnread, oddResponses, oddRequests, paths, stolenHeaders, redirects, bombs
]
