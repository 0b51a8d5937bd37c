// Package amqp is the bus over RabbitMQ (3.10 or newer, AMQP 0-9-1).
//
// One connection per client, held by a supervisor of its own: the library's recovery gives up, skips
// topology errors silently and cannot tell a blocked connection from a dead one. A connection's life is a
// session; when it ends, everything waits for the next one:
//
//	connecting ──► session: topology declared, publishers open ──► lost ──► connecting (jitter, for ever)
//	                 └─ every subscription opens its own channel, declares, binds and consumes again
//
// Queues are quorum queues. A message that fails is published to the retry exchange of its delay with the
// work queue's name as the routing key, then acknowledged; the retry queue's TTL dead-letters it through the
// default exchange, which brings it back by that key. After the last try it goes to "<queue>.parked". Every
// step is confirmed before the one before it is acknowledged, so a crash anywhere doubles and never loses:
//
//	<queue> ──fails──► signalbox.retry.<ms> ──TTL──► <queue> … ──last try──► <queue>.parked
//
// RabbitMQ writes down a new quorum queue up to three seconds after it confirmed its declaration (3.10: the
// Raft library's directory is a dets table). A kill -9 of the broker within these loses the queue's messages
// and leaves it without a leader ("leader not known" in its log; rabbitmqctl eval "ra:trigger_election(…)"
// mends that). Queues live for years, so nothing here waits for it.
//
// Where much happens at once it goes out together: what is written while more is waiting to be (socket), acknowledgements of
// a durable queue, for 5 ms at most while other messages of it are at work (settled), and the first message that each handler publishes,
// while a hundred and more are in hand and others still come (rush), for 100 ms at most. What is alone waits for nothing.
//
// The number of tries is a header of ours and not the broker's delivery count, which also counts every
// innocent message that a dying consumer had in hand; the broker's limit (20) is the net below.
package amqp
