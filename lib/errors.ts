/**
 * Every error of this package, one a line. Codes are stable; the messages are what a client may see, so none
 * names a target, an address or a cause: the original is kept in `cause`, for logs.
 */
import createError from '@fastify/error'

/** No target may take the request: none configured, all in maintenance, or nobody healthy and `panic: 'fail-closed'`. */
export const NoTargetError = createError('FST_LB_NO_TARGET', 'No target is available', 503)

/** Every target is at its limit and the queue is full, or the request waited in it for too long. */
export const OverloadedError = createError('FST_LB_OVERLOADED', 'Too many requests in flight', 503)

/** The client belongs to a target that is not available, and `affinity.onUnavailable` is `'fail'`. */
export const AffinityLostError = createError('FST_LB_AFFINITY_LOST', 'The target of this session is not available', 503)

/** The target refused, could not be reached, reset the connection or answered something that is not HTTP. */
export const BadGatewayError = createError('FST_LB_BAD_GATEWAY', 'Bad Gateway', 502)

/** A connect, headers, body, attempt or total deadline passed. */
export const GatewayTimeoutError = createError('FST_LB_GATEWAY_TIMEOUT', 'Gateway Timeout', 504)

/** The client left before it had its answer. Nobody receives this; 499 is what logs and metrics show, as nginx does. */
export const ClientClosedError = createError('FST_LB_CLIENT_CLOSED', 'Client closed the request', 499)

/** What the client sent cannot be forwarded. */
export const BadRequestError = createError('FST_LB_BAD_REQUEST', 'The request cannot be forwarded', 400)

/** The client sent the body of its request more slowly than `limits.minBodyRate` allows. */
export const RequestTimeoutError = createError('FST_LB_REQUEST_TIMEOUT', 'The request body arrived too slowly', 408)

/** TRACE, which a route passes on only when it names that method. */
export const MethodNotAllowedError = createError('FST_LB_METHOD_NOT_ALLOWED', 'Method Not Allowed', 405)

/** The request has passed this kind of gateway so often that it must be going in circles. */
export const LoopDetectedError = createError('FST_LB_LOOP_DETECTED', 'Loop Detected', 508)

/** A streamed request body went over the `bodyLimit` that its route sets. */
export const BodyTooLargeError = createError('FST_LB_BODY_TOO_LARGE', 'Request body is too large', 413)

/** `reply.balance()` named an upstream that is not registered. */
export const UnknownUpstreamError = createError('FST_LB_UNKNOWN_UPSTREAM', 'Unknown upstream "%s"', 500)

/** Whoever asks the admin API may not see it, or may not change anything. */
export const AdminForbiddenError = createError('FST_LB_ADMIN_FORBIDDEN', 'Forbidden: %s', 403)

/** There is no such upstream, target or page below the prefix of the admin API. */
export const AdminNotFoundError = createError('FST_LB_ADMIN_NOT_FOUND', '%s', 404)

/** A change that does not say that it is JSON. */
export const AdminMediaTypeError = createError('FST_LB_ADMIN_MEDIA_TYPE', 'A change needs the header content-type: application/json', 415)

/** So many listen to the events of the admin API that one more would be too much. */
export const AdminBusyError = createError('FST_LB_ADMIN_BUSY', 'Too many listen to events already', 503)

/** A policy of the user's own has thrown, or has picked none of the targets. Its own error is in `cause`. */
export const PolicyError = createError('FST_LB_POLICY', 'The policy failed', 500)

/** Options are wrong; the message lists every fault with its path, one a line; of more than 100, the first 100. */
export const InvalidOptionsError = createError('FST_LB_INVALID_OPTIONS', '%s', 500)
